import { fullReasonOf } from "../cni/error.ts";
import { formatJson } from "../cni/json.ts";
import type { ReapplyCall } from "../cni/reapply.ts";
import type { Rebuilding } from "../cni/rebuilding.ts";
import { RuleGathering } from "../netfilter/rule-gathering.ts";
import { readCache } from "../runtime/cache.ts";
import { type CachedEntry, cachedNetwork } from "../runtime/cache-entry.ts";
import { findMissing } from "../runtime/missing-plugins.ts";
import type { Network } from "../runtime/network.ts";
import { protocolVariables } from "../runtime/plugin-call.ts";
import { formatPluginInput } from "../runtime/plugin-input.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { convertStated, parseStated, type StatedResult } from "../runtime/stated-result.ts";
import { defineCommand } from "./command.ts";
import type { Edge } from "./edge.ts";
import { watchForEnd } from "./ended.ts";
import { formatAdvice } from "./failure.ts";
import { applyRules } from "./gathered-rules.ts";
import { NETWORK_OPTIONS } from "./option.ts";
import { refuseAnother } from "./own-interface.ts";
import { ownPlugins } from "./own-plugins.ts";
import { adviceForMissing } from "./plugin-advice.ts";
import { findNetwork, makeRuntime } from "./target.ts";
import { writeRows } from "./view.ts";

/** What was done for one attachment. */
interface Outcome {
  readonly network: string;
  readonly containerId: string;
  readonly ifname: string;
  readonly rebuilt: readonly string[];
  readonly failed: readonly string[];
}

/** `cnictl reapply`: rebuilds what others deleted from the host, for every attachment that lives. */
export const reapply = defineCommand({
  name: "reapply",
  summary: "Rebuilds rules and addresses that others deleted from the host",
  help: [
    "For every attachment in the result cache whose namespace lives: rebuilds what is missing of the",
    "bridge, the port on it, gateway addresses, forwarding, masquerade and spoof checks (bridge), gateway",
    "addresses, routes, forwarding and masquerade (ptp), port mappings (portmap), firewall rules (firewall)",
    "and limits (bandwidth), from the list and the result of its ADD. Use it after firewall-cmd --reload,",
    "nft flush ruleset, sysctl --system, or when somebody deleted a bridge or its address. Nothing inside a",
    "container changes, and its connections go on. It changes no rule that exists, so it may run at any time.",
    "It does not rebuild a veth pair that was deleted, or what plugins of other projects made.",
    "It fails if CNI_PATH lacks a plugin of this project that a list names.",
    "Prints the attachments for which something was missing.",
  ],
  operands: [{ name: "network", completion: "network" }],
  options: NETWORK_OPTIONS,
  environment: ["NETCONFPATH", "CNI_PATH"],
  run: (edge, { values, operands }) => {
    const outcomes = rebuildAttachments(edge, makeRuntime(edge, values["cache-dir"]), operands[0]);
    const shown = outcomes.filter(({ rebuilt, failed }) => rebuilt.length + failed.length > 0);
    if (values.json) edge.writeOut(`${formatJson(shown)}\n`);
    else writeRows(edge, { headings: HEADINGS, rows: shown.map(rowOf), none: "nothing was missing" });
    for (const advice of new Set(shown.flatMap(({ failed }) => failed.map((each) => adviceForMissing(edge, each)))))
      edge.writeErr(formatAdvice(advice));
    return outcomes.some(({ failed }) => failed.length > 0) ? 1 : 0;
  },
});

const HEADINGS = ["NETWORK", "CONTAINER", "INTERFACE", "REBUILT", "FAILED"];

function rowOf({ network, containerId, ifname, rebuilt, failed }: Outcome): readonly string[] {
  return [network, containerId, ifname, rebuilt.join(", "), failed.join("; ").replaceAll("\n", " ")];
}

/**
 * Only of the attachments for which something was missing. The rules of all are applied together, table by table. @throws
 * NetworkNotFound if `only` is the name of no network
 */
function rebuildAttachments(edge: Edge, runtime: Runtime, only: string | undefined): readonly Outcome[] {
  const outcomes = new Map<CachedEntry, Outcome>();
  const isOurs = ownPlugins(edge, runtime);
  const gathering = new RuleGathering();
  for (const entry of readEntries(edge, runtime, only)) {
    const { netns } = entry.attachment;
    if (netns === "" || !edge.isLiving(netns)) continue;
    const outcome = describe(entry, rebuild(edge, { runtime, entry, isOurs }, gathering));
    if (outcome.rebuilt.length + outcome.failed.length > 0) outcomes.set(entry, outcome);
  }
  if (!applyRules(gathering))
    for (const [entry, first] of outcomes) {
      const { rebuilt, failed } = rebuild(edge, { runtime, entry, isOurs });
      const done = first.rebuilt.filter((what) => !failed.some((each) => each.startsWith(`${what}: `)));
      outcomes.set(entry, describe(entry, { rebuilt: [...new Set([...done, ...rebuilt])], failed }));
    }
  for (const entry of watchForEnd(edge, runtime.cacheDirectory, [...outcomes.keys()])) {
    // What a DEL has deleted since cannot be rebuilt, and need not be.
    outcomes.set(entry, describe(entry, { rebuilt: [], failed: withdraw(edge, { runtime, entry, isOurs }) }));
  }
  return [...outcomes.values()];
}

/** The entries of the cache, or those of one network. @throws NetworkNotFound at the end, if no entry and no list has that name */
function* readEntries(edge: Edge, { cacheDirectory }: Runtime, only: string | undefined): Generator<CachedEntry> {
  let isKnown = only === undefined;
  for (const { entry } of readCache(cacheDirectory) ?? []) {
    if (entry === undefined || (only !== undefined && entry.network !== only)) continue;
    isKnown = true;
    yield entry;
  }
  if (!isKnown && only !== undefined) findNetwork(edge, only);
}

function describe({ network, attachment }: CachedEntry, done: Rebuilding): Outcome {
  const { containerId, ifname } = attachment;
  return { network, containerId, ifname, ...done };
}

/** What is done for an attachment, by those plugins of its list that are of this image. */
interface Work {
  readonly runtime: Runtime;
  readonly entry: CachedEntry;
  readonly isOurs: (type: string) => boolean;
}

/** Has each plugin of the list rebuild, in the order of ADD. A plugin that fails does not stop the others. */
function rebuild(edge: Edge, work: Work, gathering?: RuleGathering): Rebuilding {
  const { entry } = work;
  const rebuilt: string[] = [];
  const failed: string[] = [];
  const attempt = attempting(failed);
  attempt(() => {
    const { network, result, calls } = prepareCalls(edge, work, "CHECK");
    refuseAnother(edge, entry.attachment, result);
    // What made it may have been this image: nobody can tell.
    const plugins = network.plugins.filter(({ type }) => edge.build.names.includes(type) && !work.isOurs(type));
    failed.push(...findMissing(work.runtime, { plugins }).map(({ error }) => error.message));
    for (const { type, call } of calls)
      attempt(() => {
        const done = edge.reapply(type, call, gathering);
        rebuilt.push(...(done?.rebuilt ?? []));
        failed.push(...(done?.failed ?? []));
      });
  });
  return { rebuilt, failed };
}

/** Takes back what was rebuilt for an attachment that has ended. Returns what failed. */
function withdraw(edge: Edge, work: Work): readonly string[] {
  const failed: string[] = [];
  const attempt = attempting(failed);
  attempt(() => {
    const { calls } = prepareCalls(edge, work, "DEL");
    for (const { type, call } of calls.toReversed()) attempt(() => edge.withdraw(type, call));
  });
  return failed;
}

/** Runs something, and notes the error if it fails. */
function attempting(failed: string[]): (act: () => void) => void {
  return (act) => {
    try {
      act();
    } catch (error) {
      failed.push(fullReasonOf(error));
    }
  };
}

/** The list and the result of ADD, and a call for each plugin of the list that is of this image, in the order of ADD. */
function prepareCalls(edge: Edge, { runtime, entry, isOurs }: Work, command: "CHECK" | "DEL") {
  const network = networkOf(edge, entry);
  const previous = resultOf(entry, network);
  const environment = { ...runtime.environment, ...protocolVariables(command, { ...runtime, ...entry }) };
  const { capabilityArgs } = entry.attachment;
  const ours = network.plugins.filter(({ type }) => isOurs(type));
  const calls = ours.map((plugin): { type: string; call: ReapplyCall } => {
    const stdin = formatPluginInput(plugin, { network, previous, capabilityArgs });
    return { type: plugin.type, call: { environment, stdin, log: runtime.log } };
  });
  return { network, result: previous.result, calls };
}

/** The list of the ADD; if its plugins are in files of their own, the one in the folder. */
function networkOf(edge: Edge, entry: CachedEntry): Network {
  const network = cachedNetwork(entry);
  return network.plugins.length > 0 ? network : findNetwork(edge, entry.network);
}

function resultOf({ result }: CachedEntry, { cniVersion }: Network): StatedResult {
  return convertStated(parseStated(result, "0.1.0"), cniVersion);
}
