import { formatJson } from "../cni/json.ts";
import { sortKeys } from "./json-object.ts";
import type { Network, PluginConfig } from "./network.ts";
import type { RuntimeConf } from "./runtime-conf.ts";
import { formatStated, type StatedResult } from "./stated-result.ts";

/** The members that the caller adds to a plugin's own object. */
export interface Injected {
  readonly previous?: StatedResult | undefined;
  readonly capabilityArgs?: RuntimeConf["capabilityArgs"];
  /** GC: the attachments that may stay. Absent if the caller does not know them. */
  readonly validAttachments?: readonly ValidAttachment[] | undefined;
}

/** An attachment in GC's list. */
export interface ValidAttachment {
  readonly containerID: string;
  readonly ifname: string;
  /** Its addresses (extension), for GC of what has become outdated. */
  readonly addresses?: readonly string[];
}

/**
 * A plugin's standard input: its object, the list's name and cniVersion, prevResult, and in runtimeConfig the capability arguments
 * that the plugin declares. If it declares none of those offered, its own runtimeConfig stays.
 */
export function formatPluginInput(
  plugin: PluginConfig,
  injected: Injected & { readonly network: Network },
): Uint8Array {
  const { network, previous, validAttachments } = injected;
  const runtimeConfig = offered(plugin, injected.capabilityArgs ?? {});
  const config = {
    ...plugin.json,
    name: network.name,
    cniVersion: network.cniVersion,
    ...(previous === undefined ? {} : { prevResult: JSON.parse(formatStated(previous)) }),
    ...(Object.keys(runtimeConfig).length === 0 ? {} : { runtimeConfig }),
    ...(validAttachments === undefined ? {} : attachmentKeys(validAttachments)),
  };
  return new TextEncoder().encode(formatJson(sortKeys(config), 0));
}

function offered(plugin: PluginConfig, capabilityArgs: RuntimeConf["capabilityArgs"]) {
  const known = plugin.capabilities.filter((capability) => Object.hasOwn(capabilityArgs, capability));
  return Object.fromEntries(known.map((capability) => [capability, capabilityArgs[capability]]));
}

/** The specification's key, and the misspelt one of the first plugins with GC. */
function attachmentKeys(attachments: readonly ValidAttachment[]) {
  return { "cni.dev/valid-attachments": attachments, "cni.dev/attachments": attachments };
}
