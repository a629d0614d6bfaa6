import type { Network } from "./network.ts";
import { callPlugin } from "./plugin-call.ts";
import type { Runtime } from "./runtime.ts";
import { isAtLeast } from "./version-choice.ts";

/**
 * Runs STATUS on each plugin in order and stops at the first that fails. Returns whether any plugin was called: STATUS exists since
 * version 1.1.0. @throws CniError with the plugin's code: 50, or 51 if running containers are impaired too
 */
export function checkStatus(runtime: Runtime, network: Network): boolean {
  if (!isAtLeast(network.cniVersion, "1.1.0")) return false;
  for (const plugin of network.plugins) callPlugin(runtime, { command: "STATUS", network, plugin });
  return true;
}
