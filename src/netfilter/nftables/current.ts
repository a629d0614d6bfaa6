import { ERRNO, LinuxError } from "../../linux/errno.ts";
import { NetlinkError } from "../../netlink/acknowledgement.ts";
import type { Request } from "../../netlink/answers.ts";
import type { Netlink } from "../../netlink/socket.ts";
import { getGeneration } from "./generation.ts";
import { applyTransaction } from "./transaction.ts";

/** How long changes are made anew because others change the rule set. */
const PATIENCE_MS = 10_000;

/**
 * Applies the changes that `read` finds necessary, none included, to the very rule set that it read them from: where others
 * have changed that meanwhile, it reads again. After one of `refusals`, errnos, too; it is told the last. @throws NetlinkError,
 * or LinuxError EAGAIN when others have changed the rule set for 10 seconds
 */
export function applyCurrent(
  netlink: Netlink,
  options: { action: string; refusals?: readonly number[] },
  read: (refusal: NetlinkError | undefined) => readonly Request[],
): void {
  const { action, refusals = [] } = options;
  const deadline = performance.now() + PATIENCE_MS;
  let refusal: NetlinkError | undefined;
  do {
    const generation = getGeneration(netlink);
    const changes = read(refusal);
    if (changes.length === 0) return;
    refusal = tryChanges(
      () => applyTransaction(netlink, changes, { action, generation }),
      [ERRNO.ERESTART, ...refusals],
    );
    if (refusal === undefined) return;
  } while (performance.now() < deadline);
  const reason = `the rule set was changed by others all through ${PATIENCE_MS / 1000} seconds`;
  throw new LinuxError(action, { syscall: "netlink", errno: ERRNO.EAGAIN, reason, cause: refusal });
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
