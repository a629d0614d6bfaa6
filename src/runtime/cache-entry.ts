import * as z from "zod/mini";
import { parseConfig } from "../cni/config.ts";
import { CniError, reasonOf } from "../cni/error.ts";
import { findMember, formatJson, isObject } from "../cni/json.ts";
import { once } from "../platform/once.ts";
import { ignoring } from "../platform/outcome.ts";
import { sortKeys } from "./json-object.ts";
import { type Network, parseNetwork } from "./network.ts";
import type { RuntimeConf } from "./runtime-conf.ts";
import { formatStated, type StatedResult } from "./stated-result.ts";

/** The library's name for the format of a cache file. */
const KIND = "cniCacheV1";

/** The data that ADD stores in the cache. */
export interface CacheEntry {
  readonly network: Network;
  readonly attachment: RuntimeConf;
  readonly result: StatedResult;
}

/** The data that is read from a cache file. */
export interface CachedEntry {
  readonly network: string;
  /** If the file names no namespace, as podman's, it is that of the result's interface. */
  readonly attachment: RuntimeConf;
  /** The network list of ADD, in base64; empty if the file has none. */
  readonly config: string;
  /** The result as JSON, in the version that it states. */
  readonly result: unknown;
}

/** The bytes that the library writes: its keys in its order, without empty members, in one line. */
export function formatEntry({ network, attachment, result }: CacheEntry): string {
  const { containerId, ifname, netns, args, capabilityArgs } = attachment;
  const entry = {
    kind: KIND,
    containerId,
    config: network.bytes.toBase64(),
    ifName: ifname,
    networkName: network.name,
    ...(netns === "" ? {} : { netns }),
    ...(args.length === 0 ? {} : { cniArgs: args }),
    ...(Object.keys(capabilityArgs).length === 0 ? {} : { capabilityArgs: sortKeys(capabilityArgs) }),
    result: sortKeys(JSON.parse(formatStated(result))),
  };
  return formatJson(entry, 0);
}

/** The network list of a cached ADD, without plugins that are in files of their own. @throws CniError if it is none */
export function cachedNetwork({ config }: CachedEntry): Network {
  return parseNetwork(decodeBase64(config));
}

/** The list of an ADD; undefined if the cache does not have one that can be read. */
export function findCachedNetwork(entry: CachedEntry): Network | undefined {
  return ignoring([CniError], () => cachedNetwork(entry));
}

function decodeBase64(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text);
  } catch (error) {
    throw new CniError("decodingFailure", `the cached configuration is not base64: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** Reads a cache file's JSON; undefined if it is not the library's cniCacheV1. */
export function findEntry(json: unknown): CachedEntry | undefined {
  const entry = ignoring([CniError], () => parseConfig(cacheFile, json));
  if (entry === undefined) return undefined;
  const { containerId = "", ifName: ifname = "", capabilityArgs = {} } = entry;
  const netns = entry.netns || findSandbox(entry.result, ifname);
  const args = (entry.cniArgs ?? []).map(([key = "", value = ""]) => [key, value] as const);
  const attachment = { containerId, ifname, netns, args, capabilityArgs };
  return { network: entry.networkName ?? "", attachment, config: entry.config ?? "", result: entry.result };
}

/**
 * The namespace of a result's interface; "" if it names none. podman and older versions of the library write no `netns`. It reads only
 * what it needs, because there may be thousands of files.
 */
function findSandbox(result: unknown, ifname: string): string {
  const interfaces = isObject(result) ? findMember(result, "interfaces") : undefined;
  if (!Array.isArray(interfaces)) return "";
  const sandboxes = interfaces.filter(isObject).flatMap((each) => {
    const sandbox = findMember(each, "sandbox");
    return findMember(each, "name") === ifname && typeof sandbox === "string" && sandbox.startsWith("/")
      ? [sandbox]
      : [];
  });
  return sandboxes[0] ?? "";
}

/** One schema for all files, of which there may be thousands. */
const cacheFile = once(() => {
  const text = z.optional(z.string());
  return z.object({
    kind: z.literal(KIND),
    containerId: text,
    config: text,
    ifName: text,
    networkName: text,
    netns: text,
    cniArgs: z.optional(z.array(z.array(z.string()))),
    capabilityArgs: z.optional(z.record(z.string(), z.unknown())),
    result: z.optional(z.unknown()),
  });
});
