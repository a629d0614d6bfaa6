import { INTERFACE_PLUGINS } from "../cni/delegate.ts";
import { CniError } from "../cni/error.ts";
import { findPlugin } from "../cni/find-plugin.ts";
import { handling } from "../platform/outcome.ts";
import { type CachedEntry, findCachedNetwork } from "./cache-entry.ts";
import { ipamTypeOf, type Network, type PluginConfig } from "./network.ts";
import type { Runtime } from "./runtime.ts";

/** Checks that a plugin has an executable, and its IPAM plugin too if the plugin is known to call that. @throws CniError of findPlugin */
export function requireExecutables({ path }: Runtime, plugin: PluginConfig): void {
  for (const type of calledTypes(plugin)) findPlugin(type, path);
}

/** The types that a network calls, its known IPAM plugins among them, and that have no executable. */
export function missingTypes(path: readonly string[], { plugins }: Network): readonly string[] {
  const types = new Set(plugins.flatMap(calledTypes));
  return [...types].filter((type) => whyMissing(path, type) !== undefined);
}

/** What other plugins make of `ipam` is not known: they may serve that type by themselves. */
function calledTypes(plugin: PluginConfig): readonly string[] {
  const ipam = INTERFACE_PLUGINS.includes(plugin.type) ? ipamTypeOf(plugin) : undefined;
  return ipam === undefined ? [plugin.type] : [plugin.type, ipam];
}

/** A plugin that cannot be called, and why. */
export interface MissingPlugin {
  readonly plugin: PluginConfig;
  readonly error: CniError;
}

/** The plugins of a network without an executable. */
export function findMissing(
  { path }: Pick<Runtime, "path">,
  { plugins }: Pick<Network, "plugins">,
): readonly MissingPlugin[] {
  return plugins.flatMap((plugin) => {
    const error = whyMissing(path, plugin.type);
    return error === undefined ? [] : { plugin, error };
  });
}

function whyMissing(path: readonly string[], type: string): CniError | undefined {
  const find = () => {
    findPlugin(type, path);
    return undefined;
  };
  return handling([CniError], find, (error) => error);
}

/**
 * Whether an ADD ran a plugin that is missing now, so that what it made may still be there. Without a cached result, the ADD failed or
 * never was: it stops at a plugin without an executable.
 */
export function ranAtAdd(entry: CachedEntry | undefined, { type }: PluginConfig): boolean {
  if (entry === undefined) return false;
  const plugins = findCachedNetwork(entry)?.plugins ?? [];
  return plugins.length === 0 || plugins.some((each) => each.type === type);
}

/** What a DEL without the missing plugins came to, as details of its error. */
export function describeDelete(
  missing: readonly MissingPlugin[],
  { called, isKept }: { called: readonly PluginConfig[]; isKept: boolean },
): string {
  const [, ...others] = missing.map(({ plugin }) => JSON.stringify(plugin.type));
  const ran = called.length === 0 ? "DEL of no plugin ran" : `DEL of ${called.map(({ type }) => type).join(", ")} ran`;
  const rest = isKept
    ? "the cached result stays, because ADD ran the missing plugin: run DEL again when it is there"
    : "the result cache knows of no ADD that ran the missing plugin";
  return [...(others.length === 0 ? [] : [`nor ${others.join(", ")}`]), ran, rest].join("; ");
}
