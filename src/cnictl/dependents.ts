import { CniError, reasonOf } from "../cni/error.ts";
import { handling } from "../platform/outcome.ts";
import { readCache } from "../runtime/cache.ts";
import { type CachedEntry, findCachedNetwork } from "../runtime/cache-entry.ts";
import { ipamTypeOf } from "../runtime/network.ts";
import type { Edge } from "./edge.ts";
import { goneFinder } from "./inventory/gone.ts";

/** How many attachments are named. */
const MOST = 3;

/** One line about the attachments of the result cache that live and whose DEL calls plugins of these names; none without any. */
export function describeDependents(edge: Edge, cache: string, names: readonly string[]): readonly string[] {
  return handling(
    [CniError],
    () => describe(findDependents(edge, cache, names)),
    (error) => [`cannot tell which attachments are alive: ${reasonOf(error)}`],
  );
}

function describe(living: readonly CachedEntry[]): readonly string[] {
  if (living.length === 0) return [];
  const nameOf = ({ network, attachment }: CachedEntry) => `${network} ${attachment.containerId} ${attachment.ifname}`;
  const more = living.length > MOST ? ` and ${living.length - MOST} more` : "";
  const who =
    living.length === 1 ? "1 attachment is alive, and its" : `${living.length} attachments are alive, and their`;
  return [`${who} DEL needs plugins of these names: ${living.slice(0, MOST).map(nameOf).join(", ")}${more}`];
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
  return findCachedNetwork(entry)?.plugins.flatMap((plugin) => [plugin.type, ipamTypeOf(plugin) ?? ""]);
}
