import { CniError, toCniError } from "../../cni/error.ts";
import { LinuxError } from "../../platform/errno.ts";
import { handling } from "../../platform/outcome.ts";
import { findCached } from "../../runtime/cache.ts";
import { cachedNetwork } from "../../runtime/cache-entry.ts";
import { checkEachPlugin } from "../../runtime/check-each.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { defineCommand } from "../command.ts";
import type { Edge } from "../edge.ts";
import { viewAttachment } from "../inventory/attachment-view.ts";
import type { KnownAttachment } from "../inventory/attachments.ts";
import { viewDhcpLeases } from "../inventory/dhcp-leases.ts";
import { type Inventory, takeInventory } from "../inventory/inventory.ts";
import { VIEW_OPTIONS } from "../option.ts";
import { makeRuntime } from "../target.ts";
import { writeJson, writeProblems } from "../view.ts";
import { type Inside, lookInside } from "./inside.ts";
import { type CheckView, formatInspection, type Inspection, inspectionJson } from "./report.ts";
import { findSubject } from "./subject.ts";

/** `cnictl inspect`: all that exists for a container or a network namespace. */
export const inspect = defineCommand({
  name: "inspect",
  summary: "Shows all that exists for a container, and what CHECK says",
  help: [
    "Shows the attachments of a container (its ID or the beginning of it, one of its addresses, its MAC, or",
    "the host's end of its interface) or of a network namespace (a path, a name of `ip netns`, a PID), what",
    "exists for them on the host, the links, addresses and routes inside, and what CHECK of each plugin",
    "says.",
  ],
  operands: [{ name: "container|netns", required: true, completion: "container" }],
  options: VIEW_OPTIONS,
  environment: ["NETCONFPATH", "CNI_PATH"],
  run: (edge, { values, operands }) => {
    const [word = ""] = operands;
    const cacheDirectory = values["cache-dir"];
    const inventory = takeInventory(edge, { cacheDirectory });
    const { netns, attachments } = findSubject(edge, word, { all: inventory.attachments, cacheDirectory });
    const runtime = makeRuntime(edge, cacheDirectory);
    const dhcp = viewDhcpLeases(inventory, edge);
    const problems = [...inventory.problems, ...dhcp.problems];
    const shown = attachments.map((attachment) => ({ attachment, view: viewAttachment(attachment, edge.isLiving) }));
    const inspection = {
      netns,
      namespace: stateOf(edge, netns, shown),
      attachments: shown,
      folders: inventory.folders,
      dhcp: dhcp.views,
      inside: netns === "" ? undefined : findInside(netns, problems),
      checks: attachments.flatMap((attachment) => check(runtime, inventory, attachment)),
    };
    if (values.json) writeJson(edge, inspectionJson(inspection));
    else edge.writeOut(formatInspection(inspection));
    writeProblems(edge, problems);
    return undefined;
  },
});

/** Whether the namespace exists. Its path may be one that only the container's processes see. */
function stateOf({ isLiving }: Edge, netns: string, attachments: Inspection["attachments"]): Inspection["namespace"] {
  if (netns !== "" && isLiving(netns)) return "alive";
  if (attachments.some(({ view }) => view.namespace === "alive")) return "alive";
  return netns === "" ? "unknown" : "gone";
}

/** Undefined if the namespace cannot be opened. */
function findInside(netns: string, problems: string[]): Inside | undefined {
  const look = () => lookInside(netns);
  return handling([LinuxError], look, ({ message }) => {
    problems.push(message);
    return undefined;
  });
}

/** What CHECK of each plugin says, with the network list of the folder, else with that of ADD. */
function check(runtime: Runtime, { networks }: Inventory, attachment: KnownAttachment): readonly CheckView[] {
  const { network: name, ifname } = attachment;
  const line = (plugin: string, state: CheckView["state"], message: string) => {
    return { network: name, ifname, plugin, state, message };
  };
  const entry = findCached({ directory: runtime.cacheDirectory, network: name, attachment });
  if (entry === undefined) return [line("", "not asked", "the result cache has no result")];
  try {
    const listed = networks.find(({ network, shadowedBy }) => network.name === name && shadowedBy === undefined);
    const network = listed?.network ?? cachedNetwork(entry);
    const said = checkEachPlugin(runtime, { network, attachment: entry.attachment });
    if (typeof said === "string") return [line("", "not asked", said)];
    return said.map(({ plugin, error }) => line(plugin.type, error === undefined ? "ok" : "failed", messageOf(error)));
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    return [line("", "not asked", messageOf(toCniError(error)))];
  }
}

function messageOf(error: CniError | undefined): string {
  if (error === undefined) return "";
  return error.details === "" ? error.message : `${error.message}; ${error.details}`;
}
