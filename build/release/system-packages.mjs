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

/** Units that the distribution's package has too. Two packages cannot own one file, so these are installed only in its place. */
const DISTRIBUTION_UNITS = /^conf\/systemd\/cni-dhcp\.(service|socket)$/;

/** What else the distribution's package provides. podman and buildah depend on `container-network-stack`, of which netavark is 2. */
const PROVIDED = {
  deb: [["container-network-stack", "1"]],
  rpm: [["container-network-stack", "1"], ["containernetworking-cni"], ["kubernetes-cni"]],
};

const UNITS = "/usr/lib/systemd/system";

/** Where the archive's folders are in a package. */
const PLACES = [
  [DISTRIBUTION_UNITS, "/usr/share/cni-plugins-ts/$&"],
  [/^conf\/systemd\/(.*)$/, `${UNITS}/$1`],
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
      // Networks with an iptables backend need it; none does by default.
      make(packager, { ...describe("cni-plugins-ts", release), arch, contents, suggests: ["iptables"] });
    }
    const relate = (name, version) => relation(packager, name, version);
    make(packager, {
      ...describe("cni-plugins-ts-default", release),
      arch: "all",
      contents: [...linkPlugins(DEFAULT_FOLDERS[packager]), ...placeUnits(files, `${work}/units`)],
      depends: [relate("cni-plugins-ts", release.version)],
      provides: [relate(DISTRIBUTION, release.version), ...PROVIDED[packager].map((each) => relate(...each))],
      // Without `replaces`, so that dpkg refuses and apt removes the distribution's first. dpkg would delete its units after it has unpacked
      // ours, which on Debian 12 are the same files by another path: /lib is a link to /usr/lib.
      conflicts: [DISTRIBUTION],
    });
  }
}

function relation(packager, name, version) {
  if (version === undefined) return name;
  return packager === "deb" ? `${name} (= ${version})` : `${name} = ${version}`;
}

function describe(name, { version, time }) {
  const what =
    name === "cni-plugins-ts"
      ? "CNI plugins, in a folder of their own"
      : "CNI plugins in the place of the distribution's";
  return {
    ...{ name, version, platform: "linux", section: "net", priority: "optional", license: "Apache-2.0" },
    ...{ maintainer: "The makers of cni-plugins-ts", description: what },
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
  return Object.keys(files).map((name) => {
    const place = PLACES.find(([pattern]) => pattern.test(name));
    return placeFile(files, { name, folder, dst: name.replace(...place) });
  });
}

/** The units that take the place of the distribution's. */
function placeUnits(files, folder) {
  const units = Object.keys(files).filter((name) => DISTRIBUTION_UNITS.test(name));
  return units.map((name) => placeFile(files, { name, folder, dst: path.join(UNITS, path.basename(name)) }));
}

function placeFile(files, { name, folder, dst }) {
  const src = path.join(folder, name);
  fs.mkdirSync(path.dirname(src), { recursive: true });
  fs.writeFileSync(src, name.startsWith("conf/systemd/") ? adaptUnit(files[name], dst) : files[name]);
  return { src, dst, file_info: { mode: 0o644 } };
}

/** A unit with the package's paths. Where it is installed, it does not say how to copy it. */
function adaptUnit(text, dst) {
  const adapted = text.replaceAll("/opt/cni/bin/", `${HOME}/`);
  return dst.startsWith(UNITS) ? adapted.replace(/^(#\s+)cp .* && (?=systemctl )/gm, "$1") : adapted;
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
