import fs from "#fs";
import path from "#path";
import { LEASES_DIRECTORY, type Pools, readFolder, readPools } from "../../../plugins/host-local/pool-report.ts";
import { CniError } from "../../cni/error.ts";
import { DEFAULT_VERSION, isSpecVersion } from "../../cni/version.ts";
import { ifPossible } from "../../platform/outcome.ts";
import { type NetworkFile, readNetworks } from "../../runtime/load.ts";
import { ipamTypeOf, type Network, type PluginConfig } from "../../runtime/network.ts";
import { isNetworkName } from "../../runtime/runtime-conf.ts";

/** A plugin of a network with host-local as its IPAM plugin. */
export interface NetworkPools {
  readonly plugin: PluginConfig;
  /** Undefined if the configuration is invalid; `error` says why. */
  readonly pools: Pools | undefined;
  readonly error: string | undefined;
  /** The folder of leases and how long released addresses rest, in seconds. They are known also if the rest is invalid. */
  readonly folder: string | undefined;
  readonly releaseDelay: number;
}

/** A network list in the folder. */
export interface ListedNetwork {
  readonly file: string;
  readonly network: Network;
  readonly pools: readonly NetworkPools[];
  /** The file with the network of the same name that callers use; undefined if it is this one. */
  readonly shadowedBy: string | undefined;
}

/** The folder of network lists. */
export interface NetworkFolder {
  readonly networks: readonly ListedNetwork[];
  /** The files without a network. */
  readonly broken: readonly { readonly file: string; readonly error: CniError }[];
}

/** A folder of leases, and the network that it belongs to. */
export interface LeaseFolder {
  readonly network: string;
  readonly folder: string;
  readonly releaseDelay: number;
  /** Undefined if no network list describes them. */
  readonly pools: Pools | undefined;
}

/** Reads all network lists of a folder. A broken one does not stop the others. @throws CniError ioFailure */
export function gatherNetworks(directory: string): NetworkFolder {
  const files = [...readNetworks(directory)];
  const first = new Map<string, string>();
  const networks = files.flatMap((entry) => {
    if ("error" in entry) return [];
    const { file, network } = entry;
    const shadowedBy = first.get(network.name);
    if (shadowedBy === undefined) first.set(network.name, file);
    return [{ file, network, pools: poolsOf(network), shadowedBy }];
  });
  return { networks, broken: files.flatMap(brokenFile) };
}

/** The pools of the plugins with host-local as their IPAM plugin, whoever made the plugin. */
function poolsOf(network: Network): readonly NetworkPools[] {
  return network.plugins.flatMap((plugin) =>
    ipamTypeOf(plugin) === "host-local" ? [readNetworkPools(network, plugin)] : [],
  );
}

/**
 * The folders of leases: those of the networks, and all others beside them and in the default folder, whose network list is not in the
 * folder of lists. `remembered` has the networks without a file, as they were at an ADD.
 */
export function leaseFolders(
  networks: readonly ListedNetwork[],
  remembered: readonly Network[] = [],
): readonly LeaseFolder[] {
  const known = new Map<string, LeaseFolder>();
  const add = (network: Network) => {
    for (const { folder, releaseDelay, pools } of poolsOf(network))
      if (folder !== undefined && !known.has(folder))
        known.set(folder, { network: network.name, folder, releaseDelay, pools });
  };
  for (const { network, shadowedBy } of networks) if (shadowedBy === undefined) add(network);
  remembered.forEach(add);
  const places = new Set([LEASES_DIRECTORY, ...Array.from(known.values(), ({ folder }) => path.dirname(folder))]);
  for (const folder of [...places].flatMap(foldersIn))
    if (!known.has(folder))
      known.set(folder, { network: path.basename(folder), folder, releaseDelay: 0, pools: undefined });
  return [...known.values()];
}

function brokenFile(entry: NetworkFile) {
  return "error" in entry ? [entry] : [];
}

function readNetworkPools({ name, cniVersion }: Network, plugin: PluginConfig): NetworkPools {
  const version = isSpecVersion(cniVersion) ? cniVersion : DEFAULT_VERSION;
  const config = { config: plugin.json, network: name, version };
  let place: Pick<Pools, "folder" | "releaseDelay"> | undefined;
  try {
    place = readFolder(config);
    const pools = readPools(config);
    return { plugin, pools, error: undefined, ...place };
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    return {
      plugin,
      pools: undefined,
      error: error.message,
      folder: place?.folder,
      releaseDelay: place?.releaseDelay ?? 0,
    };
  }
}

/** The folders in a folder; none if it cannot be read. */
function foldersIn(directory: string): readonly string[] {
  const entries = ifPossible(() => fs.readdirSync(directory, { withFileTypes: true })) ?? [];
  const folders = entries.filter((entry) => entry.isDirectory() && isNetworkName(entry.name));
  return folders.map(({ name }) => path.join(directory, name)).sort();
}
