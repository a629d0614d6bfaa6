// What `npm run release` makes. It is made twice: here, and by another user in another folder, with another umask, time zone and language.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findToolchain } from "../../build/toolchain.mjs";
import { PLUGINS, read, root } from "../repository/tree.ts";

const { version }: { version: string } = JSON.parse(read("package.json"));
const OTHER = 65_534;
/** In kB, far above what it has. */
const LARGEST = 8000;

/** A folder that another user may enter. */
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "release-"));
const [first = "", second = ""] = ["first", "a/second folder"].map((name) => path.join(folder, name));
const release = path.join(first, "dist/release");
const arch = process.arch === "x64" ? "amd64" : "arm64";

function run(argv: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv; uid?: number } = {}): string {
  const [file = "", ...args] = argv;
  const child = spawnSync(file, args, { encoding: "utf8", maxBuffer: 1 << 28, ...options });
  if (child.error !== undefined) throw child.error;
  expect(child.status, `${argv.join(" ")}\n${child.stdout}${child.stderr}`).toBe(0);
  return child.stdout;
}

/** A clone of HEAD with the npm packages of this one. */
function clone(target: string): void {
  run(["git", "clone", "--quiet", "--no-hardlinks", root, target]);
  fs.symlinkSync(path.join(root, "node_modules"), path.join(target, "node_modules"));
  fs.writeFileSync(path.join(target, ".git/info/exclude"), "node_modules\n.cache\n");
}

/** Gives a clone the engine's source and the compiler, but nothing that was compiled. */
function stockToolchain(target: string): void {
  const { folder: toolchain, engine, zig } = findToolchain();
  const copy = path.join(target, ".cache/native", path.basename(toolchain));
  fs.mkdirSync(copy, { recursive: true });
  run(["cp", "-r", "--preserve=mode,timestamps", path.dirname(engine), copy]);
  fs.symlinkSync(path.dirname(zig), path.join(copy, "ziglang"));
}

beforeAll(() => {
  fs.chmodSync(folder, 0o755);
  for (const target of [first, second]) clone(target);
  // The first has what was compiled here, and the second compiles all of it anew.
  fs.symlinkSync(path.join(root, ".cache"), path.join(first, ".cache"));
  stockToolchain(second);
  run(["npm", "run", "release"], { cwd: first });
  run(["cp", "-r", path.join(root, ".cache/nfpm"), path.join(second, ".cache")]);
  run(["chown", "-R", "--no-dereference", String(OTHER), second]);
  const env = { ...process.env, HOME: second, TZ: "Asia/Kathmandu", LANG: "tr_TR.UTF-8", LC_ALL: "C.UTF-8" };
  const other = ["setpriv", `--reuid=${OTHER}`, "--clear-groups", "sh", "-c", "umask 077; npm run release"];
  run(other, { cwd: second, env });
}, 3_600_000);

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

describe("npm run release", () => {
  it("gives the same bytes in another folder, to another user", () => {
    const sums = (target: string) => fs.readFileSync(path.join(target, "dist/release/SHA256SUMS"), "utf8");
    expect(sums(second)).toBe(sums(first));
    expect(sums(first).split("\n")).toHaveLength(12);
  });

  it("has sums of each file, which sha256sum and sha512sum confirm", () => {
    const others = fs.readdirSync(release).filter((name) => !name.endsWith("SUMS"));
    for (const tool of ["sha256sum", "sha512sum"]) {
      const sums = tool.replace("sum", "SUMS").toUpperCase();
      const lines = run([tool, "--check", "--strict", sums], { cwd: release }).trim().split("\n");
      expect(lines.sort()).toEqual(others.map((name) => `${name}: OK`).sort());
    }
  });
});

describe("the archive", () => {
  const unpacked = path.join(folder, "unpacked");

  it("has executables that run where nothing else is, and say of which commit they are", () => {
    fs.mkdirSync(unpacked);
    run(["tar", "-xzf", `${release}/cni-plugins-ts-linux-${arch}-v${version}.tgz`, "-C", unpacked]);
    const commit = run(["git", "-C", root, "log", "-1", "--format=%H"]).slice(0, 12);
    const stamp = run(["cat", "VERSION"], { cwd: unpacked }).split("\n")[1];
    expect(stamp).toMatch(new RegExp(`^Built from commit ${commit} of \\d{4}-\\d\\d-\\d\\d$`));
    for (const name of PLUGINS) {
      const options = { encoding: "utf8", env: { PATH: process.env["PATH"] ?? "" }, input: "" } as const;
      const { stderr } = spawnSync("chroot", [unpacked, `/${name}`], options);
      expect(stderr).toBe(
        `CNI ${name} plugin v${version}\nCNI protocol versions supported: ${stderr.split(": ")[1]?.split("\n")[0]}\n${stamp}\n`,
      );
    }
  });

  it("has one copy of the executable, and what belongs to it", () => {
    const sizes = [...PLUGINS, "cnictl"].map((name) => fs.statSync(path.join(unpacked, name)).ino);
    expect(new Set(sizes).size).toBe(1);
    expect(Number(run(["du", "-sk", unpacked]).split("\t")[0])).toBeLessThan(LARGEST);
    for (const file of fs.globSync("{conf,schema,man}/**/*.*", { cwd: root }))
      expect(fs.readFileSync(path.join(unpacked, file)).equals(fs.readFileSync(path.join(root, file))), file).toBe(
        true,
      );
    for (const shell of ["bash", "zsh", "fish"])
      expect(
        fs
          .readdirSync(path.join(unpacked, "completions"))
          .map((name) => run(["cat", `completions/${name}`], { cwd: unpacked })),
      ).toContain(run([path.join(unpacked, "cnictl"), "completion", shell]));
  });

  it("installs with the executable that is in it", () => {
    const target = path.join(folder, "opt/cni/bin");
    run([path.join(unpacked, "cnictl"), "install", "--dir", target]);
    expect(fs.readdirSync(target).filter((name) => !name.startsWith("."))).toEqual([...PLUGINS, "cnictl"].sort());
  });

  it("of the other architecture runs too", () => {
    const other = path.join(folder, "other");
    const [name, emulator] = arch === "amd64" ? ["arm64", "qemu-aarch64-static"] : ["amd64", "qemu-x86_64-static"];
    fs.mkdirSync(other);
    run(["tar", "-xzf", `${release}/cni-plugins-ts-linux-${name}-v${version}.tgz`, "-C", other]);
    expect(run([emulator, path.join(other, "cnictl"), "--version"])).toContain(`cnictl v${version}\n`);
  });
});

describe("the packages", () => {
  const dpkg = (target: string, ...args: string[]) =>
    run(["dpkg", `--root=${target}`, "--force-not-root", "--force-architecture", "--log=/dev/null", ...args]);

  /** A system of dpkg's that has no package but these. */
  function system(): string {
    const target = fs.mkdtempSync(path.join(folder, "system-"));
    for (const name of ["updates", "info", "triggers"])
      fs.mkdirSync(path.join(target, "var/lib/dpkg", name), { recursive: true });
    for (const name of ["status", "available"]) fs.writeFileSync(path.join(target, "var/lib/dpkg", name), "");
    return target;
  }

  /** A package with the distribution's name, what it provides, its bridge, and a unit of its. */
  function distribution(): string {
    const tree = fs.mkdtempSync(path.join(folder, "distribution-"));
    for (const [file, text] of Object.entries({
      "DEBIAN/control":
        "Package: containernetworking-plugins\nVersion: 1.1.1\nArchitecture: all\nMaintainer: a <a@localhost>\nProvides: container-network-stack (= 1)\nDescription: a\n",
      "usr/lib/cni/bridge": "the distribution's",
      "usr/lib/systemd/system/cni-dhcp.service": "the distribution's",
    })) {
      fs.mkdirSync(path.dirname(path.join(tree, file)), { recursive: true });
      fs.writeFileSync(path.join(tree, file), text);
    }
    fs.chmodSync(tree, 0o755);
    run(["dpkg-deb", "--build", tree, `${tree}.deb`]);
    return `${tree}.deb`;
  }

  /** Every path in what the units of a system start. */
  function startedBy(target: string): readonly string[] {
    const units = fs.globSync(`${target}/usr/{lib/systemd/system,share/cni-plugins-ts/conf/systemd}/*.service`);
    const lines = units.flatMap((unit) => fs.readFileSync(unit, "utf8").match(/^Exec\w+=.*$/gm) ?? []);
    return lines.flatMap((line) => line.match(/(?<=[ =])\/[\w./-]+/g) ?? []);
  }

  /** What apt would do on a system. */
  function simulate(target: string, ...files: readonly string[]): readonly string[] {
    const state = path.join(target, "apt");
    fs.mkdirSync(path.join(state, "lists/partial"), { recursive: true });
    const options = [
      ...[`Dir::State=${state}`, `Dir::State::status=${target}/var/lib/dpkg/status`, `Dir::Cache=${state}`],
      ...["Dir::Etc::SourceList=/dev/null", "Dir::Etc::SourceParts=/dev/null"],
    ];
    const text = run(["apt-get", ...options.flatMap((option) => ["-o", option]), "--simulate", "install", ...files]);
    return [...text.matchAll(/^(?:Inst|Remv) \S+/gm)].map(([line]) => line);
  }

  const own = path.join(release, `cni-plugins-ts_${version}_${arch}.deb`);
  const instead = path.join(release, `cni-plugins-ts-default_${version}_all.deb`);

  it("for Debian: beside the distribution's, nothing of it is touched", () => {
    const target = system();
    dpkg(target, "--install", distribution());
    dpkg(target, "--install", own);
    expect(fs.readFileSync(path.join(target, "usr/lib/cni/bridge"), "utf8")).toBe("the distribution's");
    const bridge = path.join(target, "usr/libexec/cni-plugins-ts/bridge");
    expect(spawnSync(bridge, { encoding: "utf8", env: {}, input: "" }).stderr).toContain(`plugin v${version}\n`);
    expect(fs.readFileSync(path.join(target, "usr/lib/systemd/system/cni-dhcp.service"), "utf8")).toBe(
      "the distribution's",
    );
    dpkg(target, "--remove", "cni-plugins-ts");
    expect(fs.readFileSync(path.join(target, "usr/lib/cni/bridge"), "utf8")).toBe("the distribution's");
    expect(fs.existsSync(bridge)).toBe(false);
  });

  it("for Debian: cnictl finds the plugins of its package", () => {
    const target = system();
    dpkg(target, "--install", own);
    const home = path.join(target, "usr/libexec/cni-plugins-ts");
    const text = run([path.join(home, "cnictl"), "version", "--json"], { env: {} });
    const { plugins }: { plugins: readonly { file: string }[] } = JSON.parse(text);
    const files = plugins.map(({ file }) => file).filter((file) => !file.startsWith("/opt/cni/bin/"));
    expect(files).toEqual([...PLUGINS, "cnictl"].sort().map((name) => path.join(home, name)));
  });

  it("for Debian: units start what is in the package", () => {
    const target = system();
    dpkg(target, "--install", own, instead);
    const started = startedBy(target).filter((file) => file !== "/bin/sh");
    expect(new Set(started.map((file) => path.basename(file)))).toEqual(new Set(["cnictl", "dhcp"]));
    for (const file of started) expect(fs.statSync(path.join(target, file)).mode & 0o111, file).toBe(0o111);
  });

  it("for Debian: in the place of the distribution's, whose package leaves", () => {
    const target = system();
    dpkg(target, "--install", distribution());
    dpkg(target, "--install", own);
    // As apt does it.
    dpkg(target, "--remove", "containernetworking-plugins");
    dpkg(target, "--install", instead);
    const status = fs.readFileSync(path.join(target, "var/lib/dpkg/status"), "utf8");
    const installed = status.split("\n\n").filter((each) => each.includes("Status: install ok installed"));
    expect(installed.map((each) => /^Package: (.*)$/m.exec(each)?.[1])).toEqual([
      "cni-plugins-ts",
      "cni-plugins-ts-default",
    ]);
    for (const name of PLUGINS)
      expect(fs.readlinkSync(path.join(target, "usr/lib/cni", name))).toBe(`/usr/libexec/cni-plugins-ts/${name}`);
  });

  it("for Debian: apt removes nothing that depends on the distribution's", () => {
    const target = system();
    dpkg(target, "--install", distribution());
    const dependent = {
      "golang-github-containers-common": "container-network-stack",
      podman: "golang-github-containers-common",
      buildah: "golang-github-containers-common, containernetworking-plugins",
    };
    const stanzas = Object.entries(dependent).map(
      ([name, depends]) =>
        `\nPackage: ${name}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nMaintainer: a <a@localhost>\nDepends: ${depends}\nDescription: a\n`,
    );
    fs.appendFileSync(path.join(target, "var/lib/dpkg/status"), stanzas.join(""));
    expect(simulate(target, own, instead).toSorted()).toEqual([
      "Inst cni-plugins-ts",
      "Inst cni-plugins-ts-default",
      "Remv containernetworking-plugins",
    ]);
  });

  it("for RPM: the same files, and the same relations", () => {
    const files = run([
      "rpm",
      "-qpl",
      path.join(release, `cni-plugins-ts-${version}-1.${arch === "amd64" ? "x86_64" : "aarch64"}.rpm`),
    ]);
    for (const name of PLUGINS) expect(files).toContain(`/usr/libexec/cni-plugins-ts/${name}\n`);
    const query = (what: string) =>
      run(["rpm", "-qp", `--${what}`, path.join(release, `cni-plugins-ts-default-${version}-1.noarch.rpm`)]);
    expect(query("conflicts")).toBe("containernetworking-plugins\n");
    expect(query("provides").split("\n")).toEqual(
      expect.arrayContaining([`containernetworking-plugins = ${version}`, "container-network-stack = 1"]),
    );
    expect(query("requires")).toContain(`cni-plugins-ts = ${version}\n`);
    expect(query("list")).toContain("/usr/libexec/cni/bridge\n");
    // Fedora's package has this unit.
    expect(query("list")).toContain("/usr/lib/systemd/system/cni-dhcp.service\n");
    expect(files).not.toContain("/usr/lib/systemd/system/cni-dhcp.service\n");
  });
});
