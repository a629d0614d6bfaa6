import { toCniError } from "../cni/error.ts";
import { failuresOf } from "../steps/undo.ts";
import { listCached } from "./cache.ts";
import { deleteNetwork } from "./chain.ts";
import type { Network, PluginConfig } from "./network.ts";
import { callPlugin } from "./plugin-call.ts";
import type { ValidAttachment } from "./plugin-input.ts";
import { prefixed } from "./refusal.ts";
import type { Runtime } from "./runtime.ts";
import type { RuntimeConf } from "./runtime-conf.ts";
import { isAtLeast } from "./version-choice.ts";

export interface Collection {
  readonly network: Network;
  /** Whether an attachment may stay. Without it none may, and plugins get an empty list, as with `cnitool gc`. */
  readonly isValid?: (attachment: RuntimeConf) => boolean;
}

/** The cached attachments of a collection, by outcome. */
export interface Collected {
  readonly deleted: readonly RuntimeConf[];
  readonly kept: readonly RuntimeConf[];
}

/**
 * Runs DEL for every cached attachment of the network that is not valid, then GC on every plugin with the list of valid ones.
 * Continues after errors. Skips a list with disableGC. GC exists since version 1.1.0. It is not called if the cache may not have every
 * valid attachment, because plugins would treat the others as stale. @throws AggregateError of CniErrors; CniError ioFailure if the
 * cache cannot be listed
 */
export function collectGarbage(runtime: Runtime, { network, isValid }: Collection): Collected {
  if (network.disableGC) return { deleted: [], kept: [] };
  const { attachments: cached, unreadable } = listCached(runtime.cacheDirectory, network.name);
  const kept = isValid === undefined ? [] : cached.filter(isValid);
  const stays = new Set(kept);
  const deleted = cached.filter((attachment) => !stays.has(attachment));
  const validAttachments = isValid === undefined ? undefined : kept.map(asValid);
  const isSure = isValid === undefined || unreadable.length === 0;
  if (!isSure) runtime.log(`GC is not called: nothing can be read from ${unreadable.join(", ")}`);
  const plugins = isSure && isAtLeast(network.cniVersion, "1.1.0") ? network.plugins : [];
  runAll([
    ...deleted.map((attachment) => () => deleteStale(runtime, { network, attachment })),
    ...plugins.map((plugin) => () => collectPlugin(runtime, { network, plugin, validAttachments })),
  ]);
  return { deleted, kept };
}

/**
 * Runs GC on every plugin of a network with the list of attachments that may stay, whatever its cache and its list say. Continues
 * after errors. @throws AggregateError of CniErrors
 */
export function collectPlugins(runtime: Runtime, network: Network, validAttachments: readonly ValidAttachment[]): void {
  runAll(network.plugins.map((plugin) => () => collectPlugin(runtime, { network, plugin, validAttachments })));
}

function asValid({ containerId, ifname }: RuntimeConf): ValidAttachment {
  return { containerID: containerId, ifname };
}

function deleteStale(runtime: Runtime, target: { network: Network; attachment: RuntimeConf }): void {
  const { containerId, ifname } = target.attachment;
  prefixed(`failed to delete stale attachment ${containerId} ${ifname}`, () => deleteNetwork(runtime, target));
}

interface PluginCollection {
  readonly network: Network;
  readonly plugin: PluginConfig;
  readonly validAttachments: readonly ValidAttachment[] | undefined;
}

function collectPlugin(runtime: Runtime, collection: PluginCollection): void {
  const call = { ...collection, command: "GC" } as const;
  prefixed(`failed to GC plugin ${collection.plugin.type}`, () => callPlugin(runtime, call));
}

function runAll(steps: readonly (() => void)[]): void {
  const errors = failuresOf(steps).map(toCniError);
  if (errors.length > 0) throw new AggregateError(errors, "Cannot collect all garbage");
}
