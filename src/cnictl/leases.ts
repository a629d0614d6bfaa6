import { formatJson } from "../cni/json.ts";
import { defineCommand } from "./command.ts";
import type { Edge } from "./edge.ts";
import { DHCP_HEADINGS, type DhcpLeaseView, dhcpJson, dhcpRow, viewDhcpLeases } from "./inventory/dhcp-leases.ts";
import { type Inventory, takeInventory } from "./inventory/inventory.ts";
import {
  countStates,
  LEASE_HEADINGS,
  type LeaseView,
  leaseJson,
  leaseRow,
  viewLeases,
} from "./inventory/lease-view.ts";
import { refuseUnknown } from "./inventory/unknown-network.ts";
import { countLeased, formatUse, type PoolUse, useJson } from "./inventory/use.ts";
import { VIEW_OPTIONS } from "./option.ts";
import { writeTable } from "./table.ts";
import { writeJsonArray, writeProblems, writeRows } from "./view.ts";

/** `cnictl leases`: the addresses that host-local has leased, and those that DHCP servers have. */
export const leases = defineCommand({
  name: "leases",
  summary: "Lists the leased addresses of host-local and of DHCP servers: holder, age and state",
  help: [
    "STATE is `in use`; `reclaimable` if certainly nobody uses the address, so that ADD may take it, with",
    "the reason; `orphan` if no living attachment is known to have it; `resting` if it was released and is",
    "not given out yet (`releaseDelay`). BOOT says whether the lease is of this boot. The last lines are",
    "totals for each network. `cnictl release` deletes a lease. Leases of DHCP servers have a table of their",
    "own, with the time that is LEFT: `over` if nobody has renewed one, `orphan` if its namespace is gone.",
  ],
  operands: [{ name: "network", completion: "network" }],
  options: VIEW_OPTIONS,
  environment: ["NETCONFPATH"],
  run: (edge, { values, operands }) => {
    const network = operands[0] || undefined;
    const inventory = takeInventory(edge, { cacheDirectory: values["cache-dir"], network });
    const views = viewLeases(inventory, edge.isLiving);
    const totals = makeTotals(inventory, views);
    const dhcp = viewDhcpLeases(inventory, { network, isLiving: edge.isLiving });
    if (network !== undefined && dhcp.views.length === 0) refuseUnknown(edge, inventory, network);
    if (values.json) writeDocument(edge, { views, totals, dhcp: dhcp.views });
    else writeText(edge, { views, totals, dhcp: dhcp.views });
    writeProblems(edge, [...inventory.problems, ...dhcp.problems]);
    return undefined;
  },
});

interface Shown {
  readonly views: readonly LeaseView[];
  readonly totals: readonly Total[];
  readonly dhcp: readonly DhcpLeaseView[];
}

interface Total {
  readonly network: string;
  readonly leased: number;
  readonly inUse: number;
  readonly reclaimable: number;
  readonly orphans: number;
  readonly resting: number;
  readonly pools: readonly PoolUse[];
}

function makeTotals({ folders }: Inventory, views: readonly LeaseView[]): readonly Total[] {
  return Array.from(countStates(views), ([network, counts]) => {
    const { reclaimable, orphan: orphans, resting, "in use": inUse } = counts;
    const pools = folders.flatMap((each) =>
      each.network === network && each.pools !== undefined
        ? countLeased(
            each.leases.map(({ address }) => address),
            each.pools.sets,
          )
        : [],
    );
    return { network, leased: inUse + reclaimable + orphans, inUse, reclaimable, orphans, resting, pools };
  });
}

function writeText(edge: Edge, { views, totals, dhcp }: Shown): void {
  const now = Date.now();
  if (dhcp.length === 0 || views.length > 0) writePools(edge, { views, totals }, now);
  if (dhcp.length === 0) return;
  if (views.length > 0) edge.writeOut("\n");
  writeTable(
    edge.writeOut,
    DHCP_HEADINGS,
    dhcp.map((view) => dhcpRow(view, now)),
  );
}

function writePools(edge: Edge, { views, totals }: Omit<Shown, "dhcp">, now: number): void {
  const rows = views.map((view) => leaseRow(view, now));
  writeRows(edge, { headings: LEASE_HEADINGS, rows, none: "no leases" });
  const lines = totals.map(({ network, leased, inUse, reclaimable, orphans, resting, pools }) => {
    const states = `${leased} leased: ${inUse} in use, ${reclaimable} reclaimable, ${orphans} orphan; ${resting} resting`;
    return `${[`${network}: ${states}`, ...pools.map((use) => `${use.pool.subnets.join(",")} ${formatUse(use)}`)].join("; ")}\n`;
  });
  if (lines.length > 0) edge.writeOut(`\n${lines.join("")}`);
}

/** One object, written in parts. */
function writeDocument(edge: Edge, { views, totals, dhcp }: Shown): void {
  edge.writeOut('{\n"leases": ');
  writeJsonArray(edge, views, leaseJson);
  edge.writeOut(
    `,\n"totals": ${formatJson(
      totals.map((each) => ({ ...each, pools: each.pools.map(useJson) })),
      2,
    )},\n"dhcp": `,
  );
  writeJsonArray(edge, dhcp, dhcpJson);
  edge.writeOut("}\n");
}
