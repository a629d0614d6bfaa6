import { readBootClock } from "../../src/linux/boot-clock.ts";
import { readBoot } from "../../src/linux/boot-id.ts";
import { leaseFolder, listLeases } from "./lease-file.ts";

/** The leases that the daemon at one socket renews, or a timer that knows the socket. */
export interface RenewalReport {
  readonly socket: string;
  /** How many leases of this boot there are, and how many of them end unless they are renewed. */
  readonly count: number;
  readonly timed: number;
  /** How many should have been renewed at half of their time (T1), also by a timer. */
  readonly overdue: number;
  /** How many no server has renewed by the time to ask others (T2). */
  readonly late: number;
}

/** How long a lease may wait for the next round of a timer, in ms. */
const ROUND = 120_000;

/** Reads the leases of a socket. @throws what is in the way, such as EACCES */
export function readRenewals(socket: string): RenewalReport {
  const [boot, now] = [readBoot(), readBootClock()];
  const records = listLeases(leaseFolder(socket), () => {}).map(({ record }) => record);
  const own = records.filter((record) => record.boot === boot);
  const timed = own.filter(({ lease }) => lease.expireAt !== Infinity);
  return {
    socket,
    count: own.length,
    timed: timed.length,
    overdue: timed.filter(({ lease }) => now > lease.renewAt + ROUND).length,
    late: timed.filter(({ lease }) => now > lease.rebindAt).length,
  };
}
