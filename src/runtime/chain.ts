import { CniError, toCniError } from "../cni/error.ts";
import { logging } from "../steps/logging.ts";
import { type CacheKey, deleteCached, findCached, readCachedResult, writeCached } from "./cache.ts";
import { describeDelete, findMissing, ranAtAdd, requireExecutables } from "./missing-plugins.ts";
import type { PluginConfig } from "./network.ts";
import { callForResult, callPlugin } from "./plugin-call.ts";
import { asIoFailure, prefixed } from "./refusal.ts";
import type { Runtime, Target } from "./runtime.ts";
import { validateAttachment } from "./runtime-conf.ts";
import { convertStated, type StatedResult } from "./stated-result.ts";
import { isAtLeast } from "./version-choice.ts";

/** A plugin's ADD failed after that of the plugins `before`, whose changes stay until DEL. */
export class AddFailed extends CniError {
  readonly before: readonly PluginConfig[];

  constructor(error: CniError, before: readonly PluginConfig[]) {
    super(error.code, error.message, { details: error.details, cause: error });
    this.before = before;
  }
}

/**
 * Runs ADD on each plugin in order, each with the result of the one before. Stores the last result in the cache and returns it. Stops
 * at the first error; changes until then stay until DEL, as with the library. Unlike the library, it runs none if one has no
 * executable, with the same error. @throws AddFailed with the plugin's code; CniError
 */
export function addNetwork(runtime: Runtime, target: Target): StatedResult {
  validateAttachment(target.network.name, target.attachment);
  for (const plugin of target.network.plugins) refusing(plugin, "add", () => requireExecutables(runtime, plugin));
  let previous: StatedResult | undefined;
  for (const [index, plugin] of target.network.plugins.entries()) {
    const call = { ...target, command: "ADD", plugin, previous } as const;
    try {
      previous = refusing(plugin, "add", () => callForResult(runtime, call));
    } catch (error) {
      throw new AddFailed(toCniError(error), target.network.plugins.slice(0, index));
    }
  }
  if (previous === undefined) throw new CniError("invalidConfig", "no plugin configs found");
  keepResult(runtime, { ...target, result: previous });
  return previous;
}

/**
 * Runs CHECK on each plugin in order, each with the cached result. Skips a list with disableCheck. @throws CniError with the plugin's
 * code; unknownContainer if the cache has no result, without which the plugins could only say that it is missing
 */
export function checkNetwork(runtime: Runtime, target: Target): void {
  const { network } = target;
  validateAttachment(target.network.name, target.attachment);
  if (!isAtLeast(network.cniVersion, "0.4.0")) {
    const what = `configuration version "${network.cniVersion}" does not support the CHECK command`;
    throw new CniError("incompatibleVersion", what);
  }
  if (network.disableCheck) return;
  const previous = prefixed(`failed to get network "${network.name}" cached result`, () =>
    cachedResult(runtime, target),
  );
  if (previous === undefined) throw notAttached(runtime, target);
  for (const plugin of network.plugins) callPlugin(runtime, { ...target, command: "CHECK", plugin, previous });
}

/**
 * Runs DEL on each plugin, last first, each with the cached result, and then deletes that result. An unreadable cache does not stop
 * it. Stops at the first error. A plugin without an executable is left out and reported at the end; the cached result then stays if
 * its ADD ran that plugin. @throws CniError with the plugin's code
 */
export function deleteNetwork(runtime: Runtime, target: Target): void {
  const { network } = target;
  validateAttachment(target.network.name, target.attachment);
  const previous = isAtLeast(network.cniVersion, "0.4.0") ? readableResult(runtime, target) : undefined;
  const missing = findMissing(runtime, network);
  const called = network.plugins.filter((plugin) => !missing.some((each) => each.plugin === plugin)).toReversed();
  for (const plugin of called)
    refusing(plugin, "delete", () => callPlugin(runtime, { ...target, command: "DEL", plugin, previous }));
  const entry = missing.length === 0 ? undefined : findCached(cacheKey(runtime, target));
  const isKept = missing.some(({ plugin }) => ranAtAdd(entry, plugin));
  if (!isKept) forgetResult(runtime, target);
  const [first] = missing;
  if (first === undefined) return;
  const { code, message } = first.error;
  const details = describeDelete(missing, { called, isKept });
  throw new CniError(code, `${contextOf(first.plugin, "delete")}: ${message}`, { details, cause: first.error });
}

function notAttached({ cacheDirectory }: Runtime, { network, attachment }: Target): CniError {
  const what = `${attachment.ifname} of container ${attachment.containerId} is not attached to network "${network.name}"`;
  return new CniError("unknownContainer", what, { details: `no result of ADD in ${cacheDirectory}` });
}

/** Runs `act`. Its errors get the plugin and the verb before their message, as with the library. */
function refusing<T>(plugin: PluginConfig, verb: "add" | "delete", act: () => T): T {
  return prefixed(contextOf(plugin, verb), act);
}

function contextOf({ type, name }: PluginConfig, verb: "add" | "delete"): string {
  return `plugin type=${JSON.stringify(type)}${name === "" ? "" : ` name=${JSON.stringify(name)}`} failed (${verb})`;
}

function keepResult(runtime: Runtime, entry: Target & { readonly result: StatedResult }): void {
  const write = () => writeCached(runtime.cacheDirectory, entry);
  asIoFailure(`failed to set network "${entry.network.name}" cached result`, write);
}

/** Deletes the cached result. A failure is not an error, because the container is already detached. */
function forgetResult(runtime: Runtime, target: Target): void {
  const { log } = runtime;
  logging([Error], { log, what: "The cached result cannot be removed" }, () => deleteCached(cacheKey(runtime, target)));
}

/** The cached result in the list's version. */
function cachedResult(runtime: Runtime, target: Target): StatedResult | undefined {
  const cached = readCachedResult(cacheKey(runtime, target));
  return cached === undefined ? undefined : convertStated(cached, target.network.cniVersion);
}

function readableResult(runtime: Runtime, target: Target): StatedResult | undefined {
  const what = "The cached result cannot be used and is left out";
  return logging([Error], { log: runtime.log, what }, () => cachedResult(runtime, target));
}

function cacheKey(runtime: Runtime, { network, attachment }: Target): CacheKey {
  return { directory: runtime.cacheDirectory, network: network.name, attachment };
}
