import fs from "#fs";
import path from "#path";
import { ifPossible } from "../platform/outcome.ts";
import { listCached, readCache } from "../runtime/cache.ts";
import type { RuntimeConf } from "../runtime/runtime-conf.ts";
import type { Edge } from "./edge.ts";
import { findIdentity } from "./file-identity.ts";

/** Where `ip netns` keeps named namespaces. ip-netns(8) */
export const NAMED_NETNS = "/run/netns";

/** A namespace, and the attachment of the cache that named it, if one did. */
export interface NamedNetns {
  readonly netns: string;
  readonly cached?: RuntimeConf;
}

/**
 * The namespace that an operand means: a path if it has a slash; otherwise a name as of `ip netns`, a file of the working directory, the
 * PID of a process, or a container's ID, or the beginning of one, that the result cache has. The first of these that is a namespace
 * counts. If none is, the cache may still know the namespace that was; otherwise it is the path of a name.
 */
export function findNetns(edge: Edge, word: string, cacheDirectory: string): NamedNetns {
  if (word.includes("/")) return { netns: path.resolve(edge.directory, word) };
  const places = [path.join(NAMED_NETNS, word), path.resolve(edge.directory, word)];
  if (/^[1-9][0-9]*$/.test(word)) places.push(`/proc/${word}/ns/net`);
  const living = places.find((place) => edge.isLiving(place));
  if (living !== undefined) return { netns: living };
  const cached = findAttachment(cacheDirectory, word, places);
  return cached === undefined ? { netns: path.join(NAMED_NETNS, word) } : { netns: cached.netns, cached };
}

/**
 * The attachment of a network in the namespace at that path, which its ADD may have named by another: a runtime's containers have IDs of
 * their own. Undefined if there is none, or several. @throws CniError ioFailure
 */
export function findInNetns(
  directory: string,
  { network, netns, ifname }: { network: string; netns: string; ifname: string },
): RuntimeConf | undefined {
  const isThere = netnsMatcher(netns);
  const [found, ...others] = listCached(directory, network).attachments.filter(
    (each) => each.ifname === ifname && isThere(each.netns),
  );
  return others.length === 0 ? found : undefined;
}

/** Tells whether another path means the namespace at this one. "" means none. If the namespace is gone, its path remains. */
export function netnsMatcher(netns: string): (path: string) => boolean {
  const identity = findIdentity(netns);
  const place = placeOf(netns);
  return (each) =>
    each !== "" && (placeOf(each) === place || (identity !== undefined && findIdentity(each) === identity));
}

/** A path without links in its folder, such as /var/run. */
function placeOf(file: string): string {
  const folder = path.dirname(file);
  return path.join(ifPossible(() => fs.realpathSync(folder)) ?? folder, path.basename(file));
}

/** The attachment of the container, or that had one of the namespaces; undefined if the beginning of an ID means several containers. */
function findAttachment(directory: string, word: string, places: readonly string[]): RuntimeConf | undefined {
  const begun: RuntimeConf[] = [];
  for (const { entry } of readCache(directory) ?? []) {
    const attachment = entry?.attachment;
    if (attachment === undefined) continue;
    if (attachment.containerId === word || places.includes(attachment.netns)) return attachment;
    if (attachment.containerId.startsWith(word)) begun.push(attachment);
  }
  return ofBeginning(begun, word).at(-1);
}

/** The least letters that stand for a whole ID, as people copy them from a list. */
const LEAST = 6;

/** Those whose container's ID begins with the word; none if the word is too short, or they are of several containers. */
export function ofBeginning<T extends Pick<RuntimeConf, "containerId">>(all: readonly T[], word: string): readonly T[] {
  if (word.length < LEAST) return [];
  const begun = all.filter(({ containerId }) => containerId.startsWith(word));
  return new Set(begun.map(({ containerId }) => containerId)).size === 1 ? begun : [];
}
