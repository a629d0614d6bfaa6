import { CniError, reasonOf } from "../cni/error.ts";
import { findPlugin } from "../cni/find-plugin.ts";
import { formatJson } from "../cni/json.ts";
import type { Result } from "../cni/result.ts";
import { formatPrefix } from "../ip/prefix.ts";
import { findCached, readCache } from "../runtime/cache.ts";
import { type CachedEntry, cachedNetwork } from "../runtime/cache-entry.ts";
import type { Network } from "../runtime/network.ts";
import { protocolVariables } from "../runtime/plugin-call.ts";
import { formatPluginInput } from "../runtime/plugin-input.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { RuntimeConf } from "../runtime/runtime-conf.ts";
import { convertStated, parseStated, type StatedResult } from "../runtime/stated-result.ts";
import { defineCommand } from "./command.ts";
import type { Edge } from "./edge.ts";
import { executableFinder } from "./executable.ts";
import { NETWORK_OPTIONS } from "./option.ts";
import { formatTable } from "./table.ts";
import { findNetwork, makeRuntime } from "./target.ts";

/** What was done for one attachment. */
interface Outcome {
  readonly network: string;
  readonly containerId: string;
  readonly ifname: string;
  readonly rebuilt: readonly string[];
  readonly failed: readonly string[];
}

/** `cnictl reapply`: rebuilds what others took from the host, for every attachment that lives. */
export const reapply = defineCommand({
  name: "reapply",
  summary: "Rebuilds rules and addresses that others took from the host",
  help: [
    "For every attachment in the result cache whose namespace lives: rebuilds what is missing of gateway",
    "addresses, forwarding, masquerade and spoof checks (bridge), port mappings (portmap) and firewall",
    "rules (firewall), from the list and the result of its ADD. Use it after firewall-cmd --reload,",
    "nft flush ruleset, sysctl --system, or when somebody deleted a bridge's address. Nothing inside a",
    "container changes, and its connections go on. What is there stays as it is, so it may run at any",
    "time. It does not rebuild a bridge or a port that was deleted, nor what other plugins than those",
    "of this image made. Prints the attachments for which something was missing.",
  ],
  operands: [{ name: "network", completion: "network" }],
  options: NETWORK_OPTIONS,
  environment: ["NETCONFPATH", "CNI_PATH"],
  run: (edge, { values, operands }) => {
    const outcomes = rebuildAttachments(edge, makeRuntime(edge, values["cache-dir"]), operands[0]);
    const shown = outcomes.filter(({ rebuilt, failed }) => rebuilt.length + failed.length > 0);
    edge.writeOut(values.json ? `${formatJson(shown)}\n` : formatOutcomes(shown));
    return outcomes.some(({ failed }) => failed.length > 0) ? 1 : 0;
  },
});

function formatOutcomes(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(({ network, containerId, ifname, rebuilt, failed }) => {
    return [network, containerId, ifname, rebuilt.join(", "), failed.join("; ").replaceAll("\n", " ")];
  });
  return formatTable(["NETWORK", "CONTAINER", "INTERFACE", "REBUILT", "FAILED"], rows);
}

function rebuildAttachments(edge: Edge, runtime: Runtime, only: string | undefined): readonly Outcome[] {
  const outcomes: Outcome[] = [];
  const isOurs = ownPlugins(edge, runtime);
  for (const { entry } of readCache(runtime.cacheDirectory) ?? []) {
    if (entry === undefined || (only !== undefined && entry.network !== only)) continue;
    const { network, attachment } = entry;
    const { netns, containerId, ifname } = attachment;
    if (netns === "" || !edge.isLiving(netns)) continue;
    const { rebuilt, failed } = rebuild(edge, { runtime, entry, isOurs });
    // What a DEL has deleted meanwhile cannot be rebuilt, and need not be.
    const isGone = findCached({ directory: runtime.cacheDirectory, network, attachment }) === undefined;
    outcomes.push({ network, containerId, ifname, rebuilt, failed: isGone ? [] : failed });
  }
  return outcomes;
}

/** Has each plugin of the list rebuild, in the order of ADD. A plugin that fails does not stop the others. */
function rebuild(
  edge: Edge,
  { runtime, entry, isOurs }: { runtime: Runtime; entry: CachedEntry; isOurs: (type: string) => boolean },
): Pick<Outcome, "rebuilt" | "failed"> {
  const rebuilt: string[] = [];
  const failed: string[] = [];
  const attempt = (act: () => void) => {
    try {
      act();
    } catch (error) {
      failed.push(
        error instanceof CniError && error.details !== "" ? `${error.message} (${error.details})` : reasonOf(error),
      );
    }
  };
  attempt(() => {
    const network = networkOf(edge, entry);
    const previous = resultOf(entry, network);
    refuseAnother(edge, entry.attachment, previous.result);
    const environment = { ...runtime.environment, ...protocolVariables("CHECK", { ...runtime, ...entry }) };
    const { capabilityArgs } = entry.attachment;
    for (const plugin of network.plugins.filter(({ type }) => isOurs(type)))
      attempt(() => {
        const stdin = formatPluginInput(plugin, { network, previous, capabilityArgs });
        const done = edge.reapply(plugin.type, { environment, stdin, log: runtime.log });
        rebuilt.push(...(done?.rebuilt ?? []));
        failed.push(...(done?.failed ?? []));
      });
  });
  return { rebuilt, failed };
}

/**
 * Refuses an interface that its ADD did not make: the path may lead to another container by now, and the addresses and ports of this one
 * may be another's. An interface that is missing is refused by the plugins. @throws CniError checkFailed
 */
function refuseAnother(edge: Edge, { netns, ifname }: RuntimeConf, { interfaces, ips }: Result): void {
  const link = edge.findInside(netns, ifname);
  if (link === undefined) return;
  const given = interfaces.find(({ name, sandbox }) => name === ifname && sandbox !== undefined)?.mac;
  const addresses = ips.map(({ address }) => formatPrefix(address));
  const has = (address: string) => link.addresses.includes(address);
  const isSame = given === undefined ? addresses.length === 0 || addresses.some(has) : given === link.mac;
  if (isSame) return;
  const what = `"${ifname}" in ${netns} is not the interface of its ADD: nothing was rebuilt`;
  const details = `it has ${[link.mac, ...link.addresses].join(" ")}; ADD gave ${given ?? addresses.join(" ")}`;
  throw new CniError("checkFailed", what, { details });
}

/** The list of the ADD; if its plugins are in files of their own, the one in the folder. */
function networkOf(edge: Edge, entry: CachedEntry): Network {
  const network = cachedNetwork(entry);
  return network.plugins.length > 0 ? network : findNetwork(edge, entry.network);
}

function resultOf({ result }: CachedEntry, { cniVersion }: Network): StatedResult {
  return convertStated(parseStated(result, "0.1.0"), cniVersion);
}

/** Whether a call of a plugin would run this image. What another executable made, this one cannot rebuild. */
function ownPlugins({ build }: Edge, { path }: Runtime): (type: string) => boolean {
  const find = executableFinder();
  const image = find(build.executable)?.digest;
  const found = new Map<string, boolean>();
  const look = (type: string) => {
    try {
      return build.names.includes(type) && find(findPlugin(type, path))?.digest === image;
    } catch {
      return false;
    }
  };
  return (type) => {
    const known = found.get(type) ?? look(type);
    found.set(type, known);
    return known;
  };
}
