import fs from "#fs";
import { CniError } from "../../cni/error.ts";
import { findMember, isObject } from "../../cni/json.ts";
import type { Result } from "../../cni/result.ts";
import { formatPrefix } from "../../ip/prefix.ts";
import { ignoring } from "../../platform/outcome.ts";
import { readCache } from "../../runtime/cache.ts";
import { type CachedEntry, findCachedNetwork } from "../../runtime/cache-entry.ts";
import type { Network } from "../../runtime/network.ts";
import { parseStated } from "../../runtime/stated-result.ts";

/** An attachment in the result cache, which every runtime with the CNI project's library writes. */
export interface CachedAttachment {
  readonly network: string;
  readonly containerId: string;
  readonly ifname: string;
  readonly file: string;
  /** When ADD ended, in ms. */
  readonly since: number;
  /** The path of the network namespace; "" if ADD had none. */
  readonly netns: string;
  /** Addresses with prefix lengths. */
  readonly addresses: readonly string[];
  /** "" if the result has none. */
  readonly mac: string;
  /** The names of the interfaces on the host. */
  readonly hostLinks: readonly string[];
  /** The port mappings that the runtime asked for. */
  readonly ports: readonly RequestedPort[];
}

/** An entry of the capability argument portMappings, as far as it is valid. */
export interface RequestedPort {
  readonly protocol: string;
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
}

/** The result cache. */
export interface ResultCache {
  readonly attachments: readonly CachedAttachment[];
  /** The networks without a file in the folder of lists, as they were at an ADD. */
  readonly remembered: readonly Network[];
  /** Files that do not say which attachment they belong to, and files whose result cannot be used. */
  readonly unreadable: readonly string[];
}

export interface ResultOptions {
  /** Which networks have a file in the folder of lists. */
  readonly isListed: (network: string) => boolean;
  /** Limits the attachments by the path of the network namespace. */
  readonly isWanted?: ((netns: string) => boolean) | undefined;
}

/** Reads the attachments in the result cache. @throws CniError ioFailure */
export function gatherResults(directory: string, { isListed, isWanted }: ResultOptions): ResultCache {
  const attachments: CachedAttachment[] = [];
  const remembered = new Map<string, Network>();
  const unreadable: string[] = [];
  for (const { file, entry } of readCache(directory) ?? []) {
    const result = entry && readResult(entry.result);
    if (result === undefined) unreadable.push(file);
    if (entry === undefined) continue;
    if (!isListed(entry.network)) remember(remembered, entry);
    if (isWanted?.(entry.attachment.netns) === false) continue;
    attachments.push({ ...describe(entry, result), file, since: timeOf(file) });
  }
  return { attachments, remembered: [...remembered.values()], unreadable };
}

/** Adds the network of an entry, unless its list cannot be used. */
function remember(networks: Map<string, Network>, entry: CachedEntry): void {
  if (networks.has(entry.network)) return;
  const network = findCachedNetwork(entry);
  if (network !== undefined) networks.set(entry.network, network);
}

/** When a file was written, in ms; now if it has been deleted since. */
function timeOf(file: string): number {
  return fs.lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
}

function describe(
  { network, attachment }: CachedEntry,
  { interfaces = [], ips = [] }: Partial<Result> = {},
): Omit<CachedAttachment, "file" | "since"> {
  const { containerId, ifname, netns, capabilityArgs } = attachment;
  const inside = interfaces.find(({ name, sandbox }) => name === ifname && (sandbox ?? "") !== "");
  return {
    network,
    containerId,
    ifname,
    netns,
    addresses: ips.map(({ address }) => formatPrefix(address)),
    mac: inside?.mac ?? "",
    hostLinks: interfaces.filter(({ sandbox }) => (sandbox ?? "") === "").map(({ name }) => name),
    ports: portsOf(capabilityArgs["portMappings"]),
  };
}

function readResult(json: unknown): Result | undefined {
  return ignoring([CniError], () => parseStated(json, "0.1.0").result);
}

function portsOf(value: unknown): readonly RequestedPort[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isObject).flatMap((entry) => {
    const number = (name: string) => Number(findMember(entry, name));
    const text = (name: string) => {
      const found = findMember(entry, name);
      return typeof found === "string" ? found : "";
    };
    const [hostPort, containerPort] = [number("hostPort"), number("containerPort")];
    if (!(hostPort > 0 && containerPort > 0)) return [];
    const hostIp = ["0.0.0.0", "::"].includes(text("hostIP")) ? "" : text("hostIP");
    return [{ protocol: text("protocol").toLowerCase() || "tcp", hostIp, hostPort, containerPort }];
  });
}
