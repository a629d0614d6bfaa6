import { formatJson } from "../cni/json.ts";
import { defineCommand } from "./command.ts";
import type { Edge } from "./edge.ts";
import { type Inventory, takeInventory } from "./inventory/inventory.ts";
import {
  countStates,
  LEASE_HEADINGS,
  type LeaseView,
  leaseJson,
  leaseRow,
  viewLeases,
} from "./inventory/lease-view.ts";
import { countLeased, formatUse, type PoolUse, useJson } from "./inventory/use.ts";
import { VIEW_OPTIONS } from "./option.ts";
import { writeTable } from "./table.ts";
import { writeJsonArray, writeProblems } from "./view.ts";

/** `cnictl leases`: the addresses that host-local has leased. */
export const leases = defineCommand({
  name: "leases",
  summary: "Lists the leased addresses of host-local: holder, age and state",
  help: [
    "STATE is `in use`; `reclaimable` if certainly nobody uses the address, so that ADD may take it, with",
    "the reason; `orphan` if no living attachment is known to have it; `resting` if it was released and is",
    "not given out yet (`releaseDelay`). BOOT says whether the lease is of this boot. The last lines are",
    "totals for each network. `cnictl release` deletes a lease.",
  ],
  operands: [{ name: "network", completion: "network" }],
  options: VIEW_OPTIONS,
  environment: ["NETCONFPATH"],
  run: (edge, { values, operands }) => {
    const inventory = takeInventory(edge, { cacheDirectory: values["cache-dir"], network: operands[0] || undefined });
    const views = viewLeases(inventory, edge.isLiving);
    const totals = makeTotals(inventory, views);
    if (values.json) writeDocument(edge, views, totals);
    else writeText(edge, views, totals);
    writeProblems(edge, inventory.problems);
    return undefined;
  },
});

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

function writeText(edge: Edge, views: readonly LeaseView[], totals: readonly Total[]): void {
  const now = Date.now();
  writeTable(
    edge.writeOut,
    LEASE_HEADINGS,
    views.map((view) => leaseRow(view, now)),
  );
  const lines = totals.map(({ network, leased, inUse, reclaimable, orphans, resting, pools }) => {
    const states = `${leased} leased: ${inUse} in use, ${reclaimable} reclaimable, ${orphans} orphan; ${resting} resting`;
    return `${[`${network}: ${states}`, ...pools.map((use) => `${use.pool.subnets.join(",")} ${formatUse(use)}`)].join("; ")}\n`;
  });
  if (lines.length > 0) edge.writeOut(`\n${lines.join("")}`);
}

/** One object, written in parts. */
function writeDocument(edge: Edge, views: readonly LeaseView[], totals: readonly Total[]): void {
  edge.writeOut('{\n"leases": ');
  writeJsonArray(edge, views, leaseJson);
  edge.writeOut(
    `,\n"totals": ${formatJson(
      totals.map((each) => ({ ...each, pools: each.pools.map(useJson) })),
      2,
    )}\n}\n`,
  );
}
