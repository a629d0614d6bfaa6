import { IF_OPER } from "../netlink/link/attributes.ts";
import type { Link } from "../netlink/link/message.ts";
import { setLink } from "../netlink/link/set.ts";
import { waitForLink } from "../netlink/link/wait.ts";
import type { Container } from "./host.ts";
import { changeOwing, type Defer } from "./undo.ts";

/** UNKNOWN: the driver does not say whether the link carries traffic. */
const READY: readonly number[] = [IF_OPER.UNKNOWN, IF_OPER.UP];

/**
 * Sets a container's interface up, so that an IPAM plugin can send from it, and waits at most `timeout` ms for its carrier. Returns whether
 * it has one. If the call fails, an interface that was down is set down again.
 */
export function bringUp(
  { netlink }: Pick<Container, "netlink">,
  link: Link,
  { timeout, defer }: { timeout: number; defer: Defer },
): boolean {
  if (!link.up) {
    const reversal = () => setLink(netlink, link, { up: false });
    changeOwing(defer, reversal, () => setLink(netlink, link, { up: true }));
  }
  const until = ({ operationalState }: Link) => READY.includes(operationalState);
  return (link.up && until(link)) || waitForLink(netlink, link, { timeout, until }) !== undefined;
}
