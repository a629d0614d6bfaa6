import type { Request } from "../../src/cni/request.ts";
import { type Address, parseAddress } from "../../src/ip/address.ts";
import { formatPrefix } from "../../src/ip/prefix.ts";
import { sizeOfRange } from "../../src/ip/range.ts";
import { DEFAULT_DATA_DIR, parseHostLocal, parseRelease } from "./config.ts";
import { isLeaseName } from "./lease.ts";
import { listNames } from "./lease-folder.ts";
import { countExcluded, findExclusion, findRange, formatRangeSet, type RangeSet } from "./range-set.ts";

/** The folder of all networks' leases, if their configurations name none. */
export const LEASES_DIRECTORY = DEFAULT_DATA_DIR;

/** A configuration of which host-local is the IPAM plugin, as one of its calls would get it. */
export type PoolConfig = Pick<Request, "config" | "network" | "version">;

/** The pools of a network. */
export interface Pools {
  /** The network's folder of leases. */
  readonly folder: string;
  /** How long released addresses rest, in seconds. */
  readonly releaseDelay: number;
  readonly sets: readonly Pool[];
}

/** The addresses of one range set, from which a container gets one. */
export interface Pool {
  /** Its number in the configuration, from 0. */
  readonly index: number;
  /** The text "start-end,start-end". */
  readonly ranges: string;
  readonly subnets: readonly string[];
  /** How many addresses containers can get: without the excluded ones and the gateways. */
  readonly size: bigint;
  /** Whether an address is in its ranges. */
  readonly contains: (address: string) => boolean;
}

/** Reads the pools of a configuration. @throws CniError invalidConfig */
export function readPools(pool: PoolConfig): Pools {
  const { folder, sets, releaseDelay } = parseHostLocal({ ...pool, command: "STATUS", args: "", log: () => {} });
  return { folder, releaseDelay, sets: sets.map(describe) };
}

/** The folder and the release delay of a configuration that may be invalid otherwise. @throws CniError invalidConfig */
export function readFolder(pool: PoolConfig): Pick<Pools, "folder" | "releaseDelay"> {
  return parseRelease(pool);
}

/** The leased addresses of a folder, in the order of the file names. It reads no file. @throws CniError leaseStore */
export function listLeased(folder: string): readonly string[] {
  return listNames(folder).filter(isLeaseName);
}

function describe(set: RangeSet, index: number): Pool {
  const total = set.reduce((sum, range) => sum + sizeOfRange(range), 0n);
  const gateways = new Set(set.flatMap(({ gateway }) => assignableGateway(set, gateway)));
  return {
    index,
    ranges: formatRangeSet(set),
    subnets: [...new Set(set.map(({ subnet }) => formatPrefix(subnet)))],
    size: total - countExcluded(set) - BigInt(gateways.size),
    contains: (text) => {
      const address = parseAddress(text);
      return address !== undefined && findRange(set, address) !== undefined;
    },
  };
}

/** The gateway, if it is in the ranges, from which it is left out, and not excluded anyway. */
function assignableGateway(set: RangeSet, gateway: Address | undefined): readonly bigint[] {
  const range = gateway && findRange(set, gateway);
  return gateway === undefined || range === undefined || findExclusion(range, gateway) !== undefined
    ? []
    : [gateway.value];
}
