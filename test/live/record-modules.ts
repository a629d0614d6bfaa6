import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { buildNative } from "../../build/native-image.mjs";
import { Lab } from "../lab.ts";

const root = path.join(import.meta.dirname, "../..");

/** What runtimes ask for: two published ports, one of each protocol, and limits. */
const CAPABILITIES = {
  portMappings: [
    { hostPort: 8080, containerPort: 80, protocol: "tcp" },
    { hostPort: 8053, containerPort: 53, protocol: "udp" },
  ],
  bandwidth: { ingressRate: 10_000_000, ingressBurst: 1_000_000, egressRate: 10_000_000, egressBurst: 1_000_000 },
};

interface PluginConfig {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
}

/** `load` is as for buildNative; `lists` are files of `conf`, those with common plugins alone unless given; each is played `times` times. */
interface Recording {
  readonly load?: (file: string) => string;
  readonly lists?: readonly string[];
  readonly times?: number;
}

/** Names of modules: what was loaded at all, and what was loaded each time. A call that has to wait for something loads more. */
interface Recorded {
  readonly ever: ReadonlySet<string>;
  readonly always: ReadonlySet<string>;
}

/**
 * Names of the modules that ADD, CHECK and DEL of the common lists in `conf` load, and VERSION and loopback, by an image that tells which it
 * loads. Needs root.
 */
export async function recordModules({ load, lists = findLists(), times = 2 }: Recording = {}): Promise<Recorded> {
  const bin = fs.mkdtempSync(path.join(os.tmpdir(), "record-"));
  const lab = new Lab();
  try {
    addUplink(lab);
    const image = path.join(bin, "image");
    await buildNative(image, { preloaded: () => false, flags: ["-DTRACE_MODULES"], ...(load && { load }) });
    const plugins = fs.readdirSync(path.join(root, "plugins"));
    for (const name of plugins) fs.linkSync(image, path.join(bin, name));
    const plays = Array.from({ length: times }, () => [...traceLists(lab, { bin, lists }), ...traceVersion(bin)]);
    const [first = [], ...others] = plays;
    const always = first.filter((name) => others.every((play) => play.includes(name)));
    return { ever: new Set(plays.flat()), always: new Set(always) };
  } finally {
    lab.dispose();
    fs.rmSync(bin, { recursive: true });
  }
}

/** The plugins whose lists need no more than the lab has. */
const COMMON = ["bridge", "host-local", "loopback", "portmap", "firewall", "tuning", "bandwidth"];

function findLists(): readonly string[] {
  const files = fs.readdirSync(path.join(root, "conf"), { recursive: true, encoding: "utf8" });
  return files.filter((file) => /\.conf(list)?$/.test(file) && isCommon(file)).sort();
}

function isCommon(file: string): boolean {
  const list = JSON.parse(fs.readFileSync(path.join(root, "conf", file), "utf8"));
  const plugins: readonly { type: string; ipam?: { type?: string } }[] = list.plugins ?? [list];
  return plugins.flatMap(({ type, ipam }) => [type, ipam?.type ?? []].flat()).every((type) => COMMON.includes(type));
}

function traceLists(lab: Lab, { bin, lists }: { bin: string; lists: readonly string[] }): readonly string[] {
  return lists.flatMap((file, index) => {
    const list = JSON.parse(fs.readFileSync(path.join(root, "conf", file), "utf8"));
    const plugins: PluginConfig[] = [{ type: "loopback" }, ...(list.plugins ?? [list])];
    const netns = lab.addNamespace(`c${index}`);
    const modules = traceChain(lab, plugins, { bin, netns, cniVersion: list.cniVersion, name: list.name });
    lab.clear();
    addUplink(lab);
    lab.deleteNamespace(netns);
    return modules;
  });
}

/** The master of lists that need one, and the device of the list that moves one. */
function addUplink(lab: Lab): void {
  for (const name of ["eth0", "ens11"]) lab.run(["ip", "link", "add", name, "type", "ifb"]);
}

function traceChain(
  lab: Lab,
  plugins: readonly PluginConfig[],
  network: { bin: string; netns: string; cniVersion: string; name: string },
): readonly string[] {
  const { bin, netns, cniVersion, name } = network;
  const modules: string[] = [];
  let prevResult: unknown;
  const call = (command: string, plugin: PluginConfig) => {
    const runtimeConfig = Object.fromEntries(
      Object.entries(CAPABILITIES).filter(([capability]) => plugin.capabilities?.[capability]),
    );
    const config = { ...plugin, cniVersion, name, runtimeConfig, ...(prevResult !== undefined && { prevResult }) };
    const { status, stdout, stderr } = lab.plugin(plugin.type, { command, config: inLab(config, lab), netns, bin });
    if (status !== 0) throw new Error(`${command} of ${plugin.type} in ${name} failed: ${stdout}${stderr}`);
    modules.push(...stderr.trim().split("\n"));
    return stdout;
  };
  const [loopback, ...others] = plugins;
  for (const plugin of others) prevResult = JSON.parse(call("ADD", plugin));
  for (const plugin of others) if (cniVersion >= "0.4.0") call("CHECK", plugin);
  for (const plugin of others.toReversed()) call("DEL", plugin);
  prevResult = undefined;
  for (const command of ["ADD", "DEL"]) if (loopback !== undefined) call(command, loopback);
  return modules.filter(isModule);
}

/** Leases are the lab's own. */
function inLab(config: PluginConfig & { readonly ipam?: { readonly type?: string } }, lab: Lab): object {
  if (config.ipam?.type !== "host-local") return config;
  return { ...config, ipam: { ...config.ipam, dataDir: lab.dataDir } };
}

function traceVersion(bin: string): readonly string[] {
  const env = { CNI_COMMAND: "VERSION" };
  const { stderr } = spawnSync(path.join(bin, "bridge"), { env, input: "{}", encoding: "utf8" });
  return stderr.trim().split("\n").filter(isModule);
}

/** What a plugin says to a person is no module. */
function isModule(line: string): boolean {
  return /^[@\w./?-]+$/.test(line);
}
