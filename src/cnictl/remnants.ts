import { CniError, reasonOf } from "../cni/error.ts";
import { supportsNftables } from "../netfilter/nftables/support.ts";
import { deleteUnusedTables } from "../netfilter/unused-tables.ts";
import { readCache } from "../runtime/cache.ts";
import { type CachedEntry, cachedNetwork } from "../runtime/cache-entry.ts";
import { deleteNetwork } from "../runtime/chain.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Edge } from "./edge.ts";
import { goneFinder } from "./inventory/gone.ts";
import { findNfnetlink } from "./nfnetlink.ts";
import { withOwnPlugins } from "./own-plugins.ts";
import { showAttachment } from "./show.ts";
import { makeRuntime } from "./target.ts";

/**
 * Runs DEL for every attachment of the result cache whose namespace is gone, with the plugins of this very executable before those of
 * CNI_PATH, and returns these attachments as they are shown. What fails is logged, and its record stays. @throws CniError ioFailure
 */
export function detachEnded(edge: Edge, cache: string): readonly string[] {
  const entries = [...(readCache(cache) ?? [])].flatMap(({ entry }) => entry ?? []);
  const isGone = goneFinder(edge, { cacheDirectory: cache });
  const ended = entries.filter(({ network, attachment }) => isGone({ network, ...attachment }));
  if (ended.length === 0) return [];
  return withOwnPlugins(edge, edge.build.names, (folder) => {
    const runtime = makeRuntime(edge, cache);
    const own = { ...runtime, path: [folder, ...runtime.path] };
    return ended.filter((entry) => detach(own, entry)).map(({ attachment }) => showAttachment(attachment));
  });
}

/** Whether the DEL of an attachment succeeded. */
function detach(runtime: Runtime, entry: CachedEntry): boolean {
  const { attachment } = entry;
  try {
    deleteNetwork(runtime, { network: cachedNetwork(entry), attachment });
    return true;
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    runtime.log(`Cannot detach ${showAttachment(attachment)}: ${reasonOf(error)}`);
    return false;
  }
}

/** Deletes this project's nftables tables that nobody uses, and returns them; none on a kernel without nf_tables. @throws LinuxError */
export function dropUnusedTables(): readonly string[] {
  const netlink = findNfnetlink();
  return netlink !== undefined && supportsNftables(netlink) ? deleteUnusedTables(netlink) : [];
}
