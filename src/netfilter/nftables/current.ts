import { discard } from "../../linux/discard.ts";
import { backOff } from "../../linux/wait.ts";
import { NetlinkError } from "../../netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../netlink/answers.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { ERRNO, LinuxError } from "../../platform/errno.ts";
import { holdTurn } from "../rule-locks.ts";
import { getGeneration } from "./generation.ts";
import { applyTransaction } from "./transaction.ts";

/** How long in ms changes are tried again because others change the rule set. Hundreds of parallel calls take turns. */
const PATIENCE_MS = 60_000;

/**
 * Applies the changes that `read` returns, possibly none, to exactly the rule set that `read` saw. If others have changed the rule set
 * since, or the kernel refuses with an errno of `refusals`, it reads again. `read` gets the last refusal. @throws NetlinkError, or
 * LinuxError EAGAIN if others have changed the rule set for 60 seconds
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
      // Calls take turns. If hundreds read at once, others change the rule set before any of them has finished.
      if (refusal.errno === ERRNO.ERESTART) turn ??= holdTurn(left());
      backOff(turn === undefined ? attempt : 0);
    }
  } finally {
    if (turn !== undefined) discard(turn);
  }
}

function refuseChurn(action: string, cause: NetlinkError): LinuxError {
  const reason = `the rule set was changed by others all through ${PATIENCE_MS / 1000} seconds`;
  return new LinuxError(action, { syscall: "netlink", errno: ERRNO.EAGAIN, reason, cause });
}

/** Makes changes. Returns the kernel's refusal if it is one of these errnos, or undefined on success. */
export function tryChanges(change: () => void, refusals: readonly number[]): NetlinkError | undefined {
  try {
    change();
    return undefined;
  } catch (error) {
    if (error instanceof NetlinkError && refusals.includes(error.errno)) return error;
    throw error;
  }
}
