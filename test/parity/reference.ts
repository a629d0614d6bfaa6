// The reference: the CNI project's own plugins and its cnitool, in versions that are checked.
// usage: node test/parity/reference.ts   makes them and prints their folder
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { NewestPackages } from "./debian.ts";
import { firstThatWorks, withGo } from "./go.ts";

/** The releases that ours are compared with. Never an older one. */
const PLUGINS_VERSION = "1.9.1";
const CNITOOL_VERSION = "1.3.0";
const PLUGINS = {
  bridge: "plugins/main/bridge",
  "host-local": "plugins/ipam/host-local",
  loopback: "plugins/main/loopback",
  portmap: "plugins/meta/portmap",
  tuning: "plugins/meta/tuning",
  bandwidth: "plugins/meta/bandwidth",
  firewall: "plugins/meta/firewall",
  ptp: "plugins/main/ptp",
  macvlan: "plugins/main/macvlan",
  ipvlan: "plugins/main/ipvlan",
  vlan: "plugins/main/vlan",
  "host-device": "plugins/main/host-device",
  dummy: "plugins/main/dummy",
  tap: "plugins/main/tap",
  static: "plugins/ipam/static",
  dhcp: "plugins/ipam/dhcp",
  sbr: "plugins/meta/sbr",
  vrf: "plugins/meta/vrf",
};

const cache = path.join(import.meta.dirname, "../../.cache");

/**
 * Folder of the reference's executables: the plugins above and cnitool. It is `CNI_REFERENCE_DIR` where that is set; else made once, from the Go
 * modules where Go is installed, else from the distribution's newest packages.
 * @throws Error that says what was tried, where none of it works or the version is too old
 */
export function referenceDir(): string {
  const given = process.env["CNI_REFERENCE_DIR"];
  const folder = path.resolve(given ?? path.join(cache, `reference/${PLUGINS_VERSION}`));
  // One that an earlier list of plugins made lacks those that came to it.
  const isWhole = [...Object.keys(PLUGINS), "cnitool"].every((name) => fs.existsSync(path.join(folder, name)));
  if (given === undefined && !isWhole) make(folder);
  for (const name of Object.keys(PLUGINS)) checkPlugin(folder, name);
  checkCnitool(folder);
  return folder;
}

/**
 * Whether the reference's DEL has done all but find masquerading with iptables, which it never made. Debian builds the plugins with a go-iptables
 * that does not know these words of iptables-nft's: they end with 999 then.
 */
export function missesNoChain({ stdout, stderr }: { stdout: string; stderr: string }): boolean {
  return /Chain 'CNI-[0-9a-f]+' does not exist/.test(stdout + stderr);
}

function make(folder: string): void {
  const unfinished = `${folder}.${process.pid}`;
  fs.mkdirSync(unfinished, { recursive: true });
  let opened: NewestPackages | undefined;
  const newest = () => {
    opened ??= new NewestPackages();
    return opened;
  };
  try {
    firstThatWorks(`Cannot make the reference plugins ${PLUGINS_VERSION}`, {
      "go install": () => installPlugins("go", unfinished),
      "the distribution's newest containernetworking-plugins": () => unpackPlugins(newest(), unfinished),
    });
    withGo(`Cannot make cnitool ${CNITOOL_VERSION}`, (go) => installCnitool(go, unfinished));
    fs.rmSync(path.join(unfinished, "unpacked"), { recursive: true, force: true });
    fs.rmSync(folder, { recursive: true, force: true });
    fs.renameSync(unfinished, folder);
  } finally {
    opened?.dispose();
    fs.rmSync(unfinished, { recursive: true, force: true });
  }
}

function installPlugins(go: string, folder: string): void {
  const module = "github.com/containernetworking/plugins";
  const flags = `-s -w -X ${module}/pkg/utils/buildversion.BuildVersion=v${PLUGINS_VERSION}`;
  const packages = Object.values(PLUGINS).map((name) => `${module}/${name}@v${PLUGINS_VERSION}`);
  goInstall(go, folder, ["-ldflags", flags, ...packages]);
}

function installCnitool(go: string, folder: string): void {
  goInstall(go, folder, [`github.com/containernetworking/cni/cnitool@v${CNITOOL_VERSION}`]);
}

function goInstall(go: string, folder: string, args: readonly string[]): void {
  const env = { ...process.env, GOBIN: folder, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false -trimpath" };
  const child = spawnSync(go, ["install", ...args], { encoding: "utf8", env });
  if (child.error !== undefined) throw child.error;
  if (child.status !== 0) throw new Error(child.stderr.trim());
}

/** The packaged plugins print "version unknown", so their package's version is noted beside them. */
function unpackPlugins(newest: NewestPackages, folder: string): void {
  const unpacked = path.join(folder, "unpacked");
  const version = newest.unpack("containernetworking-plugins", unpacked);
  for (const name of Object.keys(PLUGINS))
    fs.renameSync(path.join(unpacked, "usr/lib/cni", name), path.join(folder, name));
  fs.writeFileSync(path.join(folder, "package-version"), version);
}

function checkPlugin(folder: string, name: string): void {
  const printed = /plugin (?:version )?v?(\S+)/.exec(run(path.join(folder, name)).stderr)?.[1];
  const note = path.join(folder, "package-version");
  const version = printed === "unknown" && fs.existsSync(note) ? fs.readFileSync(note, "utf8") : printed;
  if (version === undefined || !isAtLeast(version, PLUGINS_VERSION))
    throw new Error(`Cannot use ${folder}/${name}: its version is "${version}", must be ${PLUGINS_VERSION} or newer`);
}

/** cnitool prints no version. The first that knows "gc" and "status" is the one that is wanted. */
function checkCnitool(folder: string): void {
  const usage = run(path.join(folder, "cnitool"));
  if (!/\bgc\b.*\bstatus\b/s.test(usage.stdout + usage.stderr))
    throw new Error(`Cannot use ${folder}/cnitool: it knows no "gc" and "status", must be ${CNITOOL_VERSION} or newer`);
}

function run(file: string) {
  const child = spawnSync(file, { encoding: "utf8", input: "", env: {} });
  if (child.error !== undefined) throw new Error(`Cannot run ${file}: ${child.error.message}`);
  return child;
}

function isAtLeast(version: string, least: string): boolean {
  const [a, b] = [version, least].map((text) => (/^\d+(\.\d+)*/.exec(text)?.[0] ?? "0").split(".").map(Number));
  for (const [i, wanted] of (b ?? []).entries()) {
    const difference = (a?.[i] ?? 0) - wanted;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

if (import.meta.main) {
  try {
    console.log(`reference: ${referenceDir()}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
