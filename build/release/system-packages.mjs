// Packages for Debian and RPM, made by nfpm, which build/nfpm pins. `cni-plugins-ts` has everything in folders of its own, so it can be
// installed beside the distribution's plugins; `cni-plugins-ts-default` puts it in their place.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { names, root } from "../tree.mjs";

/** The Go that builds nfpm: Go's standard library compresses, and other releases of it may do it in another way. */
const GO = "go1.26.8";

const HOME = "/usr/libexec/cni-plugins-ts";

/** Where the distribution's own package has its plugins. */
const DEFAULT_FOLDERS = { deb: "/usr/lib/cni", rpm: "/usr/libexec/cni" };

/** The distribution's own package, on Debian as on Fedora. */
const DISTRIBUTION = "containernetworking-plugins";

/** Where the archive's folders are in a package. */
const PLACES = [
  [/^conf\/systemd\/(.*)$/, "/usr/lib/systemd/system/$1"],
  [/^(conf|schema)\/(.*)$/, "/usr/share/cni-plugins-ts/$1/$2"],
  [/^man\/(.*)$/, "/usr/share/man/man8/$1"],
  [/^completions\/cnictl\.bash$/, "/usr/share/bash-completion/completions/cnictl"],
  [/^completions\/cnictl\.fish$/, "/usr/share/fish/vendor_completions.d/cnictl.fish"],
  [/^completions\/_cnictl$/, "/usr/share/zsh/site-functions/_cnictl"],
  [/^(.*)$/, "/usr/share/doc/cni-plugins-ts/$1"],
];

/** Writes all packages. `images` has a folder of executables for each architecture, `files` the texts of all else. */
export function makeSystemPackages(output, { release, images, files, work }) {
  const nfpm = buildNfpm();
  const make = (packager, description) => runNfpm(nfpm, { packager, description, output, work, time: release.time });
  for (const packager of Object.keys(DEFAULT_FOLDERS)) {
    for (const [arch, image] of Object.entries(images)) {
      const contents = [...placeImage(image), ...placeFiles(files, `${work}/files`)];
      make(packager, { ...describe("cni-plugins-ts", release), arch, contents });
    }
    make(packager, {
      ...describe("cni-plugins-ts-default", release),
      arch: "all",
      contents: linkPlugins(DEFAULT_FOLDERS[packager]),
      depends: [packager === "deb" ? `cni-plugins-ts (= ${release.version})` : `cni-plugins-ts = ${release.version}`],
      provides: [
        packager === "deb" ? `${DISTRIBUTION} (= ${release.version})` : `${DISTRIBUTION} = ${release.version}`,
      ],
      conflicts: [DISTRIBUTION],
      replaces: packager === "deb" ? [DISTRIBUTION] : [],
    });
  }
}

function describe(name, { version, time }) {
  const what =
    name === "cni-plugins-ts"
      ? "CNI plugins, in a folder of their own"
      : "CNI plugins in the place of the distribution's";
  return {
    ...{ name, version, platform: "linux", section: "net", priority: "optional", license: "Apache-2.0" },
    ...{ maintainer: "The makers of cni-plugins-ts <cni-plugins-ts@localhost>", description: what },
    mtime: new Date(time * 1000).toISOString(),
    deb: { compression: "xz" },
    rpm: { compression: "xz", buildhost: "localhost" },
  };
}

/** One file under cnictl's name, to which the other names lead. */
function placeImage(image) {
  const links = names.filter((name) => name !== "cnictl").map((name) => symlink("cnictl", `${HOME}/${name}`));
  const file = { src: path.join(image, "cnictl"), dst: `${HOME}/cnictl`, file_info: { mode: 0o755 } };
  return [file, ...links, symlink(`${HOME}/cnictl`, "/usr/bin/cnictl")];
}

function placeFiles(files, folder) {
  return Object.entries(files).map(([name, text]) => {
    const src = path.join(folder, name);
    const [pattern, place] = PLACES.find(([each]) => each.test(name));
    fs.mkdirSync(path.dirname(src), { recursive: true });
    fs.writeFileSync(src, text.replaceAll("/opt/cni/bin/cnictl", "/usr/bin/cnictl"));
    return { src, dst: name.replace(pattern, place), file_info: { mode: 0o644 } };
  });
}

function linkPlugins(folder) {
  return names.filter((name) => name !== "cnictl").map((name) => symlink(`${HOME}/${name}`, `${folder}/${name}`));
}

function symlink(src, dst) {
  return { src, dst, type: "symlink" };
}

/** Builds nfpm once for each set of pins. Returns its path. */
function buildNfpm() {
  const folder = path.join(root, "build/nfpm");
  const pins = ["go.mod", "go.sum"].map((name) => fs.readFileSync(path.join(folder, name)));
  const digest = createHash("sha256").update(GO).update(Buffer.concat(pins)).digest("hex").slice(0, 16);
  const nfpm = path.join(root, ".cache/nfpm", digest);
  if (fs.existsSync(nfpm)) return nfpm;
  console.log("> go build: nfpm, once, about a minute");
  const fresh = `${nfpm}.${process.pid}`;
  const env = { ...process.env, GOTOOLCHAIN: GO, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" };
  try {
    execFileSync("go", ["build", "-trimpath", "-o", fresh, "github.com/goreleaser/nfpm/v2/cmd/nfpm"], {
      cwd: folder,
      env,
    });
  } catch (cause) {
    throw new Error("Cannot build nfpm: Go 1.21 or newer is needed, and a way to its module proxy", { cause });
  }
  fs.renameSync(fresh, nfpm);
  return nfpm;
}

function runNfpm(nfpm, { packager, description, output, work, time }) {
  const config = path.join(work, "nfpm.json");
  fs.writeFileSync(config, JSON.stringify(description));
  const args = ["package", "--config", config, "--packager", packager, "--target", output];
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(time) };
  execFileSync(nfpm, args, { cwd: work, env, stdio: ["ignore", "ignore", "inherit"] });
}
