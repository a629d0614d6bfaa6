import { CniError } from "../cni/error.ts";
import type { LinkId } from "../netlink/link/message.ts";

/** How many ports a bridge can have: BR_MAX_PORTS of the kernel's net/bridge/br_private.h, without port 0. */
export const MOST_PORTS = 1023;

/** The error for EXFULL: a bridge has no room for another port. */
export function fullBridge({ name }: LinkId, cause: unknown): CniError {
  const message = `Cannot add a port to bridge "${name}": it has ${MOST_PORTS} ports, as many as the kernel allows`;
  return new CniError("bridgeConflict", message, { details: "use another bridge for more containers", cause });
}
