import { CniError } from "../cni/error.ts";
import { readCachedResult } from "./cache.ts";
import type { PluginConfig } from "./network.ts";
import { callPlugin } from "./plugin-call.ts";
import type { Runtime, Target } from "./runtime.ts";
import { convertStated } from "./stated-result.ts";
import { isAtLeast } from "./version-choice.ts";

/** What CHECK of one plugin says: its error, or nothing if all is as it should be. */
export interface PluginCheck {
  readonly plugin: PluginConfig;
  readonly error: CniError | undefined;
}

/**
 * Runs CHECK of each plugin in order, each with the cached result, and goes on after an error. Returns the reason, as text, if CHECK
 * cannot be asked. @throws CniError if the cached result is invalid
 */
export function checkEachPlugin(runtime: Runtime, target: Target): readonly PluginCheck[] | string {
  const { network, attachment } = target;
  if (!isAtLeast(network.cniVersion, "0.4.0")) return `version ${network.cniVersion || "0.1.0"} has no CHECK`;
  if (network.disableCheck) return "the network sets disableCheck";
  const cached = readCachedResult({ directory: runtime.cacheDirectory, network: network.name, attachment });
  if (cached === undefined) return "the result cache has no result";
  const previous = convertStated(cached, network.cniVersion);
  return network.plugins.map((plugin) => {
    try {
      callPlugin(runtime, { ...target, command: "CHECK", plugin, previous });
      return { plugin, error: undefined };
    } catch (error) {
      if (error instanceof CniError) return { plugin, error };
      throw error;
    }
  });
}
