import type { Command } from "../cni/environment.ts";
import { CniError } from "../cni/error.ts";
import { parseJson } from "../cni/json.ts";
import { startPlugin } from "../cni/plugin-process.ts";
import { translating } from "../platform/outcome.ts";
import type { Network, PluginConfig } from "./network.ts";
import { formatPluginInput, type Injected } from "./plugin-input.ts";
import { decoded } from "./refusal.ts";
import type { Runtime } from "./runtime.ts";
import type { RuntimeConf } from "./runtime-conf.ts";
import { parseStated, type StatedResult } from "./stated-result.ts";

/** The default time limit of a plugin in milliseconds. A plugin waits for its delegates, up to a minute for each, and then cleans up. */
const DEADLINE = 120_000;

/** One call of one plugin of a network. */
export interface PluginCall extends Omit<Injected, "capabilityArgs"> {
  readonly command: Command;
  readonly network: Network;
  readonly plugin: PluginConfig;
  /** The attachment; absent for GC and STATUS. */
  readonly attachment?: RuntimeConf;
}

/** A call of a network's plugin failed: with the plugin's error, or because there is no usable answer. */
export class PluginFailed extends CniError {
  readonly network: Network;
  readonly plugin: PluginConfig;

  constructor(error: CniError, { network, plugin }: PluginCall) {
    super(error.code, error.message, { details: error.details, cause: error });
    this.network = network;
    this.plugin = plugin;
  }
}

/** Calls a plugin, waits until it ends and returns its output. @throws PluginFailed */
export function callPlugin(runtime: Runtime, call: PluginCall): Uint8Array {
  return failing(call, () => run(runtime, call));
}

/** Calls a plugin and reads its result. @throws PluginFailed */
export function callForResult(runtime: Runtime, call: PluginCall): StatedResult {
  return failing(call, () => {
    const stdout = run(runtime, call);
    const json = decoded("failed to unmarshal raw result", () => parseJson(stdout));
    return parseStated(json, call.network.cniVersion);
  });
}

function failing<T>(call: PluginCall, act: () => T): T {
  return translating([CniError], act, (error) => new PluginFailed(error, call));
}

function run(runtime: Runtime, call: PluginCall): Uint8Array {
  const { launch, path, log, deadline = DEADLINE } = runtime;
  const { command, plugin, attachment } = call;
  const stdin = formatPluginInput(plugin, { ...call, capabilityArgs: attachment?.capabilityArgs ?? {} });
  const environment = { ...runtime.environment, ...protocolVariables(command, { path, attachment }) };
  return startPlugin(launch, { type: plugin.type, path, environment, stdin, log, deadline }).finish();
}

/** All six variables; those without a value are empty. SPEC.md, "Parameters" */
export function protocolVariables(
  command: Command,
  { path, attachment }: { path: readonly string[]; attachment: RuntimeConf | undefined },
) {
  return {
    CNI_COMMAND: command,
    CNI_CONTAINERID: attachment?.containerId ?? "",
    CNI_NETNS: attachment?.netns ?? "",
    CNI_ARGS: (attachment?.args ?? []).map(([key, value]) => `${key}=${value}`).join(";"),
    CNI_IFNAME: attachment?.ifname ?? "",
    CNI_PATH: path.join(":"),
  };
}
