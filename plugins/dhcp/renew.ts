import type { ToolEdge } from "../../src/cni/edge.ts";
import { reasonOf } from "../../src/cni/error.ts";
import { readBootClock } from "../../src/linux/boot-clock.ts";
import { poll } from "../../src/linux/poll.ts";
import { DEFAULT_SOCKET } from "./config.ts";
import { parseFlags } from "./flags.ts";
import { createKeeper } from "./keeper.ts";
import { leaseFolder } from "./lease-file.ts";

/** How long one round may take, in ms: a timer starts the next one a minute later. */
const ROUND = 20_000;

/**
 * `dhcp renew`: one round for a timer, instead of a daemon. Asks for more time for each lease of which half is over, and ends when all
 * have an answer, or after 20 s. Returns the exit code: 1 if a lease has no answer.
 */
export function renew(edge: ToolEdge): number {
  const log = (line: string) => edge.writeErr(`${line}\n`);
  try {
    const [, ...args] = edge.args;
    const { socketpath, hostprefix } = parseFlags(args, { socketpath: DEFAULT_SOCKET, hostprefix: "", pidfile: "" });
    const folder = leaseFolder(`${hostprefix}${socketpath}`);
    const keeper = createKeeper({ folder, hostPrefix: hostprefix, resumes: false, log });
    try {
      keeper.scan();
      const deadline = readBootClock() + ROUND;
      for (;;) {
        const next = keeper.work();
        const now = readBootClock();
        if (keeper.open() === 0) return 0;
        if (now >= deadline) break;
        poll(keeper.fds(), Math.min(next, deadline) - now);
      }
      log(`${keeper.open()} leases have no answer: the next round asks again`);
      return 1;
    } finally {
      keeper.close();
    }
  } catch (error) {
    log(reasonOf(error));
    return 1;
  }
}
