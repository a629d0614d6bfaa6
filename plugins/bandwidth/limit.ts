import type { Link } from "../../src/netlink/link/message.ts";
import { findQdisc } from "../../src/netlink/qdisc/get.ts";
import { TC_H } from "../../src/netlink/qdisc/header.ts";
import type { TokenBucket } from "../../src/netlink/qdisc/message.ts";
import type { Host } from "../../src/steps/host.ts";

/** What a link may send: bytes per second, and bytes at once after a pause. */
export interface Limit {
  readonly rate: number;
  readonly burst: number;
}

/** The longest burst, in bytes: four gigabytes minus two, as in the reference. */
export const MAX_BURST = 0xfffffffe;

/** How long received packets may wait to be sent, in microseconds. */
const LATENCY_US = 25_000;

/** The kernel's ticks of 64 ns per microsecond, as /proc/net/psched shows on every kernel. */
const TICKS_PER_US = 15.625;

/** The maximum of the kernel's fields. */
const MAX_U32 = 0xffffffff;

/**
 * The settings of a limit, computed as in the reference. A burst is cut to 274 seconds of its rate, the most that fits into the kernel's
 * ticks. The reference overflows there.
 */
export function tokenBucketOf({ rate, burst }: Limit): TokenBucket {
  const microseconds = Math.floor((burst * 1_000_000) / rate);
  return {
    rate,
    limit: Math.min(Math.floor((rate * LATENCY_US) / 1_000_000) + burst, MAX_U32),
    buffer: Math.min(Math.floor(microseconds * TICKS_PER_US), MAX_U32),
  };
}

/** The differences between a link's limit and what ADD sets up, as sentences. `what` names the limited direction. */
export function checkLimit(host: Host, { link, limit, what }: { link: Link; limit: Limit; what: string }): string[] {
  const qdisc = findQdisc(host.netlink, link, TC_H.ROOT);
  const found = qdisc?.tokenBucket;
  if (found === undefined) {
    return [`Link "${link.name}" has qdisc ${qdisc?.kind ?? "none"}, expected tbf to limit ${what}`];
  }
  const expected = tokenBucketOf(limit);
  return (["rate", "limit", "buffer"] as const)
    .filter((name) => found[name] !== expected[name])
    .map((name) => `Link "${link.name}" limits ${what} with ${name} ${found[name]}, expected ${expected[name]}`);
}
