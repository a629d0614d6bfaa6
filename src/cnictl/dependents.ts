import { CniError, reasonOf } from "../cni/error.ts";
import { readCache } from "../runtime/cache.ts";
import { type CachedEntry, cachedNetwork } from "../runtime/cache-entry.ts";
import { ipamTypeOf } from "../runtime/network.ts";
import type { Edge } from "./edge.ts";
import { goneFinder } from "./inventory/gone.ts";

/** How many attachments are named. */
const MOST = 3;

/** One line about the attachments of the result cache that live and whose DEL calls plugins of these names; none without any. */
export function describeDependents(edge: Edge, cache: string, names: readonly string[]): readonly string[] {
  try {
    const living = findDependents(edge, cache, names);
    if (living.length === 0) return [];
    const some = living.slice(0, MOST).map(({ network, attachment: { containerId, ifname } }) => {
      return `${network} ${containerId} ${ifname}`;
    });
    const more = living.length - some.length;
    const who =
      living.length === 1 ? "1 attachment is alive, and its" : `${living.length} attachments are alive, and their`;
    return [`${who} DEL needs plugins of these names: ${some.join(", ")}${more === 0 ? "" : ` and ${more} more`}`];
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    return [`cannot tell which attachments are alive: ${reasonOf(error)}`];
  }
}

function findDependents(edge: Edge, cache: string, names: readonly string[]): readonly CachedEntry[] {
  const entries = [...(readCache(cache) ?? [])].flatMap(({ entry }) => entry ?? []);
  const calling = entries.filter((entry) => typesOf(entry)?.some((type) => names.includes(type)) ?? true);
  if (calling.length === 0) return [];
  const isGone = goneFinder(edge, { cacheDirectory: cache });
  return calling.filter(({ network, attachment }) => !isGone({ network, ...attachment }));
}

/** The plugins that DEL calls, IPAM plugins too; undefined if the cache does not tell. */
function typesOf(entry: CachedEntry): readonly string[] | undefined {
  try {
    return cachedNetwork(entry).plugins.flatMap((plugin) => [plugin.type, ipamTypeOf(plugin) ?? ""]);
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    return undefined;
  }
}
