import { sha512 } from "#digest";
import { CniError } from "../cni/error.ts";
import { isObject, parseJson } from "../cni/json.ts";
import { CACHE_DIRECTORY, findCached } from "../runtime/cache.ts";
import { type CachedEntry, cachedNetwork } from "../runtime/cache-entry.ts";
import { loadNetwork, NetworkNotFound } from "../runtime/load.ts";
import type { Network } from "../runtime/network.ts";
import { decoded } from "../runtime/refusal.ts";
import type { Runtime, Target } from "../runtime/runtime.ts";
import type { RuntimeConf } from "../runtime/runtime-conf.ts";
import type { Given } from "./arguments.ts";
import type { Description } from "./description.ts";
import type { Edge } from "./edge.ts";
import { findInNetns, findNetns } from "./namespace.ts";
import { NETWORK_DIRECTORY, NETWORK_OPTIONS, PLUGIN_DIRECTORY } from "./option.ts";
import { findOwnDirectory, type Surroundings } from "./own-directory.ts";

/** What add, check and del take. */
export const TARGET = {
  help: ["<netns> is a path, a name of `ip netns`, a PID, or the ID of a container that the cache knows."],
  operands: [
    { name: "network", required: true, completion: "network" },
    { name: "netns", required: true, completion: "netns" },
  ],
  options: {
    ifname: {
      type: "string",
      short: "i",
      value: "IFNAME",
      help: "interface in the namespace (default CNI_IFNAME, else eth0)",
    },
    "container-id": {
      type: "string",
      value: "ID",
      help: "the container (default: made from the namespace's path, as cnitool does)",
      completion: "container",
    },
    ...NETWORK_OPTIONS,
  },
  environment: ["NETCONFPATH", "CNI_PATH", "CNI_ARGS", "CAP_ARGS", "CNI_IFNAME"],
} as const satisfies Omit<Description, "name" | "summary">;

/** A subcommand's parsed arguments and environment. */
export interface TargetRequest {
  readonly runtime: Runtime;
  readonly target: Target;
  /** Whether the result cache has the attachment. */
  readonly known: boolean;
  /** Prints JSON even on a terminal. */
  readonly json: boolean;
}

/**
 * Reads the arguments of add, check and del, like cnitool. With `remembered`, what the arguments and the environment leave out comes
 * from the result cache, so that DEL gets the values of ADD: CNI_ARGS, CAP_ARGS, and the network list if the folder has none.
 * @throws UsageError, CniError
 */
export function readTarget(
  edge: Edge,
  { values, operands }: Given<typeof TARGET.options>,
  { remembered }: { remembered: boolean },
): TargetRequest {
  const [name = "", word = ""] = operands;
  const runtime = makeRuntime(edge, values["cache-dir"]);
  const named = nameAttachment(edge, { network: name, word, values, remembered, directory: runtime.cacheDirectory });
  const entry = findCached({ directory: runtime.cacheDirectory, network: name, attachment: named });
  const usable = remembered ? entry : undefined;
  const network = findNetwork(edge, name, usable);
  const attachment = { ...named, ...readExtras(edge.environment, usable?.attachment) };
  return { runtime, target: { network, attachment }, known: entry !== undefined, json: values.json ?? false };
}

/** The attachment that the arguments mean. With `remembered`, one that a runtime made in the namespace counts if cnictl made none there. */
function nameAttachment(
  edge: Edge,
  {
    network,
    word,
    values,
    remembered,
    directory,
  }: {
    readonly network: string;
    readonly word: string;
    readonly values: Given<typeof TARGET.options>["values"];
    readonly remembered: boolean;
    readonly directory: string;
  },
): Pick<RuntimeConf, "containerId" | "netns" | "ifname"> {
  const { netns, cached } = findNetns(edge, word, directory);
  const ifname = values.ifname ?? edge.environment["CNI_IFNAME"] ?? "eth0";
  const given = values["container-id"] ?? cached?.containerId;
  const named = { containerId: given ?? containerIdOf(netns), netns, ifname };
  if (given !== undefined || !remembered) return named;
  if (findCached({ directory, network, attachment: named }) !== undefined) return named;
  const { containerId, netns: there } = findInNetns(directory, { network, netns, ifname }) ?? named;
  return { containerId, netns: there, ifname };
}

/**
 * The network of that name in NETCONFPATH; if it is not there, the one that `cached` was attached to. Files that cannot be read are
 * named on standard error. @throws NetworkNotFound, CniError
 */
export function findNetwork(edge: Edge, name: string, cached?: CachedEntry): Network {
  const directory = networkDirectory(edge);
  try {
    return loadNetwork(directory, name, (error) => reportBroken(edge, error));
  } catch (error) {
    if (!(error instanceof NetworkNotFound) || cached === undefined) throw error;
    const network = cachedNetwork(cached);
    if (network.plugins.length === 0) throw error;
    edge.writeErr(`${error.details === "" ? error.message : error.details}\nUsing the list of the result cache\n`);
    return network;
  }
}

/** Names a file that is left out, and why. */
export function reportBroken(edge: Edge, { message, details }: CniError): void {
  edge.writeErr(`${details}: ${message}\n`);
}

/** The folder of the network lists. */
export function networkDirectory({ environment }: Pick<Edge, "environment">): string {
  return setOr(environment["NETCONFPATH"], NETWORK_DIRECTORY);
}

/** The folders of the plugins, in search order: those of CNI_PATH, or the runtimes' default and then the one that has this image. */
export function pluginDirectories(edge: Surroundings): readonly string[] {
  const folders = setOr(edge.environment["CNI_PATH"], PLUGIN_DIRECTORY).split(":");
  const own = findOwnDirectory(edge);
  return [...folders.filter((folder) => folder !== ""), ...(own === undefined ? [] : [own])];
}

/** The environment in which plugins run. */
export function makeRuntime(edge: Edge, cacheDirectory = CACHE_DIRECTORY): Runtime {
  return {
    launch: edge.launch,
    path: pluginDirectories(edge),
    environment: edge.environment,
    cacheDirectory,
    log: (line) => edge.writeErr(`${line}\n`),
  };
}

/** The container id that cnitool gives a namespace, so that both commands mean one attachment. */
function containerIdOf(netns: string): string {
  return `cnitool-${sha512(netns).slice(0, 20)}`;
}

function readExtras(
  environment: Edge["environment"],
  cached: RuntimeConf | undefined,
): Pick<RuntimeConf, "args" | "capabilityArgs"> {
  const [args = "", capabilityArgs = ""] = [environment["CNI_ARGS"], environment["CAP_ARGS"]];
  return {
    args: args === "" ? (cached?.args ?? []) : args.split(";").map(parsePair),
    capabilityArgs: capabilityArgs === "" ? (cached?.capabilityArgs ?? {}) : parseCapabilityArgs(capabilityArgs),
  };
}

function parsePair(pair: string): readonly [string, string] {
  const [key = "", value = "", ...rest] = pair.split("=");
  if (key === "" || value === "" || rest.length > 0)
    throw new CniError("invalidEnvironment", `invalid CNI_ARGS pair ${JSON.stringify(pair)}`);
  return [key, value];
}

function parseCapabilityArgs(text: string): RuntimeConf["capabilityArgs"] {
  const json = decoded("Cannot use CAP_ARGS", () => parseJson(new TextEncoder().encode(text))) ?? {};
  if (!isObject(json)) throw new CniError("invalidEnvironment", `Cannot use CAP_ARGS ${text}: must be a JSON object`);
  return json;
}

/** An empty variable counts as unset. */
function setOr(value: string | undefined, otherwise: string): string {
  return value === undefined || value === "" ? otherwise : value;
}
