import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Caller } from "../caller.ts";
import { binDir, Lab } from "../lab.ts";

let lab: Lab;
let target: string;

beforeEach(() => {
  lab = new Lab();
  target = path.join(lab.dir, "opt/cni/bin");
});
afterEach(() => lab.dispose());

const names = fs.readdirSync(binDir).sort();

function cnictl(from: string, ...args: string[]) {
  return lab.try([path.join(from, "cnictl"), ...args, "--dir", target]);
}

test("install puts one file under all names, each of which works, and uninstall takes them away", () => {
  expect(cnictl(binDir, "install")).toMatchObject({ status: 0, stderr: "" });
  expect(fs.readdirSync(target).sort()).toEqual([".cni-plugins-ts.json", ...names]);
  expect(new Set(names.map((name) => fs.statSync(path.join(target, name)).ino)).size).toBe(1);
  const version = lab.plugin("host-local", { command: "VERSION", config: "", bin: target });
  expect(JSON.parse(version.stdout)).toMatchObject({ cniVersion: "1.1.0" });
  expect(cnictl(target, "uninstall")).toMatchObject({ status: 0, stderr: "" });
  expect(fs.readdirSync(target)).toEqual([]);
});

test("install works out of the directory into which it installs, while plugins run there", async () => {
  cnictl(binDir, "install");
  const environment = { CNI_COMMAND: "DEL", CNI_CONTAINERID: "c1", CNI_IFNAME: "eth0", CNI_PATH: target };
  const running = spawn(path.join(target, "host-local"), { env: environment, stdio: ["pipe", "inherit", "inherit"] });
  const ended = once(running, "close");
  expect(cnictl(target, "install")).toMatchObject({ status: 0, stderr: "" });
  running.stdin.end(
    JSON.stringify({
      cniVersion: "1.1.0",
      name: "n",
      ipam: { type: "host-local", dataDir: lab.dataDir, subnet: "10.0.0.0/24" },
    }),
  );
  expect(await ended).toEqual([0, null]);
  expect(fs.readdirSync(target).sort()).toEqual([".cni-plugins-ts.json", ...names]);
});

test("install leaves another project's bridge alone until it is told to replace it", () => {
  fs.mkdirSync(target, { recursive: true });
  fs.writeFileSync(path.join(target, "bridge"), "another bridge");
  expect(cnictl(binDir, "install")).toMatchObject({
    status: 1,
    stdout: "",
    stderr: expect.stringMatching(
      /: bridge there is not from cnictl install; nothing was changed: `cnictl install --force --dir \S+` replaces it/,
    ),
  });
  expect(cnictl(binDir, "install", "--force").status).toBe(0);
  expect(fs.statSync(path.join(target, "bridge")).ino).toBe(fs.statSync(path.join(target, "cnictl")).ino);
});

test("install without the right to write says so", () => {
  fs.mkdirSync(target, { recursive: true });
  lab.run(["chmod", "0755", lab.dir]);
  const outcome = lab.try([
    "setpriv",
    "--reuid=65534",
    "--clear-groups",
    path.join(binDir, "cnictl"),
    "install",
    "--dir",
    target,
  ]);
  expect([outcome.status, outcome.stdout]).toEqual([1, ""]);
  expect(outcome.stderr).toMatch(/^Cannot install in \S+: EACCES: permission denied/);
});

/** A folder with the executable under test, made another file by one more byte at its end. */
function another(name: string): string {
  const folder = path.join(lab.dir, name);
  fs.mkdirSync(folder);
  fs.copyFileSync(path.join(binDir, "cnictl"), path.join(folder, "cnictl"));
  fs.appendFileSync(path.join(folder, "cnictl"), name);
  return folder;
}

function digest(file: string): string {
  return createHash("sha256").update(fs.readFileSync(file)).digest("hex");
}

/** Which of these folders' executables each name has; a name that has none of them has half of one. */
function contents(...folders: readonly string[]): readonly string[] {
  const known = new Map(folders.map((folder) => [digest(path.join(folder, "cnictl")), folder]));
  return [...new Set(names.map((name) => known.get(digest(path.join(target, name))) ?? "neither"))];
}

describe("install over another version", () => {
  test("that was unpacked there, as an archive has it, needs no --force", () => {
    const fresh = another("new");
    fs.cpSync(binDir, target, { recursive: true });
    expect(cnictl(fresh, "install")).toMatchObject({ status: 0, stderr: "" });
    expect(contents(fresh, binDir)).toEqual([fresh]);
    expect(cnictl(fresh, "install", "--rollback").status).toBe(0);
    expect(contents(fresh, binDir)).toEqual([binDir]);
  });

  test("killed at any moment: each name has the old file or the new one, and the next call completes it", () => {
    const [old, fresh] = [another("old"), another("new")];
    expect(cnictl(old, "install").status).toBe(0);
    const start = performance.now();
    expect(cnictl(fresh, "install").status).toBe(0);
    const took = performance.now() - start;
    expect(cnictl(old, "install", "--rollback").status).toBe(0);
    expect(contents(old, fresh)).toEqual([old]);
    for (let part = 1; part <= 5; part++) {
      const seconds = ((took * part) / 6 / 1000).toFixed(4);
      lab.try(["timeout", "--signal=KILL", seconds, path.join(fresh, "cnictl"), "install", "--dir", target]);
      expect(contents(old, fresh)).not.toContain("neither");
      for (const name of names) lab.run([path.join(target, name)]);
      expect(cnictl(fresh, "install")).toMatchObject({ status: 0, stderr: "" });
      expect(contents(old, fresh)).toEqual([fresh]);
      expect(cnictl(fresh, "install", "--rollback")).toMatchObject({ status: 0, stderr: "" });
      expect(contents(old, fresh)).toEqual([old]);
    }
    expect(fs.readdirSync(target).sort()).toEqual([".cni-plugins-ts.json", ...names]);
    // Installations of 150 MB on dist/pkg.
  }, 600_000);

  /** Installs both in a file system of their own, and then runs a script there. */
  function inFileSystem(options: string, script: string) {
    const [old, fresh] = [another("old"), another("new")];
    fs.mkdirSync(target, { recursive: true });
    const lines = [`mount -t tmpfs -o ${options} none ${target}`, script];
    return lab.try(["unshare", "--mount", "sh", "-ec", lines.join("\n"), old, fresh, target]);
  }

  test("on a full disk: it fails, every name works as before, and nothing stays behind", () => {
    const size = Math.ceil((fs.statSync(path.join(binDir, "cnictl")).size * 1.5) / 1024);
    const script = `"$0/cnictl" install --dir "$2" >&2 2>/dev/null
before=$(sha256sum "$2"/*)
if "$1/cnictl" install --dir "$2"; then exit 1; fi
test "$before" = "$(sha256sum "$2"/*)"
for name in "$2"/*; do "$name" </dev/null >/dev/null 2>&1; done
ls -A "$2"`;
    const { status, stdout, stderr } = inFileSystem(`size=${size}k`, script);
    expect(stderr).toMatch(/^Cannot install in \S+: ENOSPC/m);
    expect([status, stdout.trim().split("\n").sort()]).toEqual([0, [".cni-plugins-ts.json", ...names]]);
  });

  test("on a file system from which nothing may be started: it says so, and nothing was changed", () => {
    const { stdout, stderr } = inFileSystem("noexec", `"$1/cnictl" install --dir "$2" || ls -A "$2"`);
    expect(stderr).toMatch(/: the new "\S+" does not work on this host: .*Permission denied; nothing was changed$/m);
    expect(stdout).toBe("");
  });
});

test("install --stay installs, and ends by a signal", async () => {
  const child = spawn(path.join(binDir, "cnictl"), ["install", "--stay", "--dir", target], { stdio: "pipe" });
  const ended = once(child, "close");
  await once(child.stdout, "data");
  expect(fs.readdirSync(target)).toEqual(expect.arrayContaining(names));
  child.kill("SIGTERM");
  expect(await ended).toEqual([null, "SIGTERM"]);
});

describe("uninstall --clean", () => {
  const firewalled = {
    cniVersion: "1.0.0",
    name: "cleaned",
    plugins: [
      {
        type: "bridge",
        bridge: "cleaned0",
        isGateway: true,
        ipMasq: true,
        ipam: { type: "host-local", subnet: "10.96.0.0/24" },
      },
      { type: "portmap", capabilities: { portMappings: true } },
      { type: "firewall" },
    ],
  };

  test("removes what containers that are gone left, and nothing of one that lives", () => {
    const caller = new Caller();
    try {
      const lists = path.join(caller.lab.dir, "net.d");
      fs.mkdirSync(lists);
      fs.writeFileSync(path.join(lists, "10-cleaned.conflist"), JSON.stringify(firewalled));
      expect(cnictl(binDir, "install").status).toBe(0);
      const [gone, lives] = ["gone", "lives"].map((name) => caller.lab.addNamespace(name));
      const add = (netns = "", port = 0) =>
        caller.cnictl(["add", "cleaned", netns], {
          NETCONFPATH: lists,
          CAP_ARGS: JSON.stringify({ portMappings: [{ hostPort: port, containerPort: 80, protocol: "tcp" }] }),
        });
      expect(add(gone, 8081).status).toBe(0);
      expect(add(lives, 8082).status).toBe(0);
      caller.lab.deleteNamespace(gone ?? "");
      const clean = () => caller.cnictl(["uninstall", "--clean", "--dir", target], { NETCONFPATH: lists });
      const rules = () => caller.lab.run(["nft", "list", "ruleset"]);
      const { status, stderr, stdout } = clean();
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(/: detached\ntable inet cni_masquerade: stays, 1 attachment uses it\n/);
      expect(stdout).toMatch(/: 1 attachment is alive, and its DEL needs plugins of these names: cleaned \S+ eth0\n$/);
      expect(fs.readdirSync(target)).toEqual([]);
      expect([caller.files("results").length, caller.files("networks/cleaned").includes("10.96.0.2")]).toEqual([
        1,
        false,
      ]);
      expect(rules()).not.toContain("10.96.0.2");
      expect(rules()).toContain("10.96.0.3");
      caller.lab.deleteNamespace(lives ?? "");
      expect(clean()).toMatchObject({
        status: 0,
        stderr: "",
        stdout: expect.stringContaining("table inet cni_masquerade: deleted\n"),
      });
      expect([caller.files("results"), rules().match(/table \S+ cni_\S+/g)]).toEqual([[], null]);
    } finally {
      caller.dispose();
    }
  });

  test("uninstalls nothing where it cannot clean", () => {
    const caller = new Caller();
    try {
      expect(cnictl(binDir, "install").status).toBe(0);
      const { status, stderr } = caller.cnictl(["uninstall", "--clean", "--dir", target]);
      expect([status, stderr]).toEqual([1, expect.stringMatching(/^Cannot list the attachments: no folder /)]);
      expect(fs.readdirSync(target).sort()).toEqual([".cni-plugins-ts.json", ...names]);
    } finally {
      caller.dispose();
    }
  });
});
