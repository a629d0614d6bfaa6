import { formatJson } from "../cni/json.ts";
import type { PluginConfig } from "../runtime/network.ts";
import { defineCommand } from "./command.ts";
import { type AttachmentView, viewAttachment } from "./inventory/attachment-view.ts";
import { takeInventory } from "./inventory/inventory.ts";
import type { ListedNetwork } from "./inventory/networks.ts";
import { networkNotFound } from "./inventory/unknown-network.ts";
import { findUse, formatUse, useJson } from "./inventory/use.ts";
import { VIEW_OPTIONS } from "./option.ts";
import { formatFields, formatTable } from "./table.ts";
import { writeJson, writeProblems } from "./view.ts";

/** `cnictl show`: one network in detail. */
export const show = defineCommand({
  name: "show",
  summary: "Shows one network: its file, plugins, pools and attachments",
  help: [
    "SETTINGS has the plugin's own keys as JSON. USED has the leased addresses of each range set of",
    "host-local.",
  ],
  operands: [{ name: "network", required: true, completion: "network" }],
  options: VIEW_OPTIONS,
  environment: ["NETCONFPATH"],
  run: (edge, { values, operands }) => {
    const [name = ""] = operands;
    const inventory = takeInventory(edge, { cacheDirectory: values["cache-dir"], network: name });
    const listed = inventory.networks.find(
      ({ network, shadowedBy }) => network.name === name && shadowedBy === undefined,
    );
    if (listed === undefined) throw networkNotFound(edge, inventory, name);
    const own = inventory.attachments.filter((each) => each.network === name);
    const counts = countNamespaces(own.map((each) => viewAttachment(each, edge.isLiving)));
    if (values.json) writeJson(edge, networkJson(listed, counts));
    else edge.writeOut(networkText(listed, counts));
    writeProblems(edge, inventory.problems);
    return undefined;
  },
});

type Counts = Readonly<Record<AttachmentView["namespace"] | "total", number>>;

function countNamespaces(views: readonly AttachmentView[]): Counts {
  const count = (state: AttachmentView["namespace"]) => views.filter(({ namespace }) => namespace === state).length;
  return { total: views.length, alive: count("alive"), gone: count("gone"), unknown: count("unknown") };
}

function networkText({ file, network, pools }: ListedNetwork, { total, alive, gone, unknown }: Counts): string {
  const { name, cniVersion, disableCheck, disableGC } = network;
  const states = Object.entries({ alive, gone, unknown }).filter(([, count]) => count > 0);
  const details = states.map(([state, count]) => `${count} ${state}`).join(", ");
  const fields = formatFields([
    ["Name", name],
    ["File", file],
    ["Version", cniVersion],
    ["CHECK", disableCheck ? "off: disableCheck" : ""],
    ["GC", disableGC ? "off: disableGC" : ""],
    ["Attachments", total === 0 ? "0" : `${total} (${details})`],
  ]);
  const plugins = network.plugins.map((plugin, index) => {
    const { type, capabilities } = plugin;
    return [String(index + 1), type, capabilities.join(","), formatJson(settingsOf(plugin), 0)];
  });
  const sets = usesOf(pools).map(({ use, folder }) => {
    return [String(use.pool.index), use.pool.subnets.join(","), use.pool.ranges, formatUse(use), folder];
  });
  const parts = [
    fields,
    formatTable(["PLUGIN", "TYPE", "CAPABILITIES", "SETTINGS"], plugins),
    ...(sets.length === 0 ? [] : [formatTable(["RANGE-SET", "SUBNETS", "RANGES", "USED", "LEASES"], sets)]),
    ...pools.flatMap(({ error, plugin }) =>
      error === undefined ? [] : [`The addresses of ${plugin.type}: ${error}\n`],
    ),
  ];
  return parts.join("\n");
}

function networkJson({ file, network, pools }: ListedNetwork, attachments: Counts) {
  const { name, cniVersion: version, disableCheck, disableGC, plugins } = network;
  const error = pools.find((each) => each.error !== undefined)?.error;
  return {
    name,
    file,
    version,
    disableCheck,
    disableGC,
    plugins: plugins.map((plugin) => plugin.json),
    pools: usesOf(pools).map(({ use, folder }) => ({ ...useJson(use), folder })),
    attachments,
    ...(error !== undefined && { error }),
  };
}

function usesOf(pools: ListedNetwork["pools"]) {
  return pools.flatMap(({ pools: found }) => {
    const uses = found === undefined ? [] : (findUse(found.folder, found.sets) ?? []);
    return uses.map((use) => ({ use, folder: found?.folder ?? "" }));
  });
}

const SHOWN: readonly string[] = ["type", "name", "cniVersion", "capabilities"];

/** The keys that have no column of their own. */
function settingsOf({ json }: PluginConfig): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(json).filter(([key]) => !SHOWN.includes(key)));
}
