import fs from "#fs";
import { backOff } from "../../linux/wait.ts";
import { NetlinkError } from "../../netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../netlink/answers.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { ERRNO, LinuxError } from "../../platform/errno.ts";
import { holdTurn } from "../rule-locks.ts";
import { getGeneration } from "./generation.ts";
import { applyTransaction } from "./transaction.ts";

/** How long changes are made anew because others change the rule set: hundreds of calls at once take turns. */
const PATIENCE_MS = 60_000;

/**
 * Applies the changes that `read` finds necessary, none included, to the very rule set that it read them from: where others
 * have changed that meanwhile, it reads again. After one of `refusals`, errnos, too; it is told the last. @throws NetlinkError,
 * or LinuxError EAGAIN when others have changed the rule set for 60 seconds
 */
export function applyCurrent(
  netlink: Nfnetlink,
  options: { action: string; refusals?: readonly number[] },
  read: (refusal: NetlinkError | undefined) => readonly NetlinkRequest[],
): void {
  const { action, refusals = [] } = options;
  const deadline = performance.now() + PATIENCE_MS;
  let refusal: NetlinkError | undefined;
  let turn: number | undefined;
  const left = () => deadline - performance.now();
  try {
    for (let attempt = 0; ; attempt++) {
      const generation = getGeneration(netlink);
      const changes = read(refusal);
      if (changes.length === 0) return;
      refusal = tryChanges(
        () => applyTransaction(netlink, changes, { action, generation }),
        [ERRNO.ERESTART, ...refusals],
      );
      if (refusal === undefined) return;
      if (left() < 0) throw refuseChurn(action, refusal);
      // One after another: hundreds that read at the same time take so long that each has been overtaken when it is done.
      if (refusal.errno === ERRNO.ERESTART) turn ??= holdTurn(left());
      backOff(turn === undefined ? attempt : 0);
    }
  } finally {
    if (turn !== undefined) fs.closeSync(turn);
  }
}

function refuseChurn(action: string, cause: NetlinkError): LinuxError {
  const reason = `the rule set was changed by others all through ${PATIENCE_MS / 1000} seconds`;
  return new LinuxError(action, { syscall: "netlink", errno: ERRNO.EAGAIN, reason, cause });
}

/** Makes changes; returns the kernel's refusal where it is one of these errnos, undefined when they are made. */
export function tryChanges(change: () => void, refusals: readonly number[]): NetlinkError | undefined {
  try {
    change();
    return undefined;
  } catch (error) {
    if (error instanceof NetlinkError && refusals.includes(error.errno)) return error;
    throw error;
  }
}
