import { parseAddress } from "../../src/ip/address.ts";
import { listNames, readLeases } from "./lease-folder.ts";
import { countExcluded, findRange, type RangeSet } from "./range-set.ts";
import { findDeadLeases } from "./reclaim.ts";

/** How a range set's addresses are used. */
export interface Counts {
  readonly leased: number;
  /** How many of the leases can be reclaimed. */
  readonly reclaimable: number;
  /** How many rest and are not leased. */
  readonly resting: number;
  readonly excluded: bigint;
}

/** Reads all leases of the set. */
export function countAddresses(folder: string, set: RangeSet, resting: readonly string[]): Counts {
  const names = listNames(folder);
  const leases = readLeases(folder, names).filter(({ name }) => isIn(set, name));
  const leased = new Set(leases.map(({ name }) => name));
  return {
    leased: leased.size,
    reclaimable: findDeadLeases(folder, leases).length,
    resting: resting.filter((name) => isIn(set, name) && !leased.has(name)).length,
    excluded: countExcluded(set),
  };
}

/** "253 leased, 0 of them reclaimable, 0 resting, 0 excluded" */
export function formatCounts({ leased, reclaimable, resting, excluded }: Counts): string {
  return `${leased} leased, ${reclaimable} of them reclaimable, ${resting} resting, ${excluded} excluded`;
}

/** Whether the name is an address in the set's ranges. */
export function isIn(set: RangeSet, name: string): boolean {
  const address = parseAddress(name);
  return address !== undefined && findRange(set, address) !== undefined;
}
