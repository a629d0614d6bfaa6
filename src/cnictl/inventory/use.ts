import { listLeased, type Pool } from "../../../plugins/host-local/pool-report.ts";
import { CniError } from "../../cni/error.ts";
import { ignoring } from "../../platform/outcome.ts";

/** The use of a pool. */
export interface PoolUse {
  readonly pool: Pool;
  /** How many of its addresses are leased. */
  readonly used: number;
}

/** The use of the pools of a folder. The leases themselves are not read. @throws CniError leaseStore */
function countUse(folder: string, pools: readonly Pool[]): readonly PoolUse[] {
  return countLeased(listLeased(folder), pools);
}

/** The use of pools of which these addresses are leased. */
export function countLeased(leased: readonly string[], pools: readonly Pool[]): readonly PoolUse[] {
  return pools.map((pool) => ({ pool, used: leased.filter(pool.contains).length }));
}

/** The use of pools, or undefined if the folder cannot be read. */
export function findUse(folder: string, pools: readonly Pool[]): readonly PoolUse[] | undefined {
  return ignoring([CniError], () => countUse(folder, pools));
}

/** The text "3/253 (1%)". */
export function formatUse({ pool, used }: PoolUse): string {
  return `${used}/${formatSize(pool.size)} (${Math.floor(percentOf({ pool, used }))}%)`;
}

/** The use as JSON. A `size` above 2^53 is rounded. */
export function useJson({ pool, used }: PoolUse) {
  const { index, ranges, subnets, size } = pool;
  const percent = Math.round(percentOf({ pool, used }) * 100) / 100;
  return { rangeSet: index, subnets, ranges, used, size: Number(size), percent };
}

/** The share of the pool that is leased, from 0 to 100. More if addresses of the gateway or outside the rest are leased. */
function percentOf({ pool, used }: PoolUse): number {
  return pool.size <= 0n ? 100 : (used * 100) / Number(pool.size);
}

/** Sizes up to a billion in full, others as a power of 10. */
function formatSize(size: bigint): string {
  return size < 1_000_000_000n ? String(size) : Number(size).toExponential(1).replace("+", "");
}
