import type { Network } from "./network.ts";
import { callPlugin } from "./plugin-call.ts";
import type { Runtime } from "./runtime.ts";
import { isAtLeast } from "./version-choice.ts";

/**
 * Asks each plugin in order whether ADD could be served; stops at the first that says no. Returns whether anyone was
 * asked: STATUS exists from version 1.1.0 on.
 * @throws CniError with the plugin's code: 50, or 51 where running containers are impaired too
 */
export function checkStatus(runtime: Runtime, network: Network): boolean {
  if (!isAtLeast(network.cniVersion, "1.1.0")) return false;
  for (const plugin of network.plugins) callPlugin(runtime, { command: "STATUS", network, plugin });
  return true;
}
