import { CniError } from "../../src/cni/error.ts";
import { isInterfaceMac } from "../../src/ip/mac.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { waitForLink } from "../../src/netlink/link/wait.ts";
import { findInterface } from "../../src/steps/container.ts";
import type { Container } from "../../src/steps/host.ts";
import { changeOwing, type Defer } from "../../src/steps/undo.ts";

/** The container's interface. @throws CniError checkFailed without it, unsupportedField if it is no Ethernet */
export function requireInterface(container: Container, ifname: string): Link {
  const link = findInterface(container, ifname);
  if (link === undefined) {
    throw new CniError("invalidConfig", `error looking up "${ifname}": Link not found`, {
      details: `in ${container.path}; an interface plugin calls dhcp when the interface exists`,
    });
  }
  if (isInterfaceMac(link.mac)) return link;
  const message = `Cannot get a DHCP lease for "${ifname}": its hardware address is "${link.mac}", must be one of Ethernet`;
  throw new CniError("unsupportedField", message);
}

/** IF_OPER of a link whose driver does not say whether it carries traffic. <linux/if.h> */
const IF_OPER_UNKNOWN = 0;
const IF_OPER_UP = 6;

/** Sets the interface up, and waits at most `timeout` ms until it carries traffic. @throws CniError tryAgainLater without a carrier */
export function bringUp(
  { netlink }: Container,
  link: Link,
  { timeout, defer }: { timeout: number; defer: Defer },
): void {
  if (!link.up) {
    const reversal = () => setLink(netlink, link, { up: false });
    changeOwing(defer, reversal, () => setLink(netlink, link, { up: true }));
  }
  const until = ({ operationalState }: Link) => [IF_OPER_UNKNOWN, IF_OPER_UP].includes(operationalState);
  if (link.up && until(link)) return;
  if (waitForLink(netlink, link, { timeout, until }) !== undefined) return;
  const message = `Cannot get a DHCP lease for "${link.name}" within ${Math.round(timeout / 1000)} s: the link has no carrier`;
  throw new CniError("tryAgainLater", message, { details: "see whether its master is up and its cable plugged in" });
}
