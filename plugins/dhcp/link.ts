import { CniError } from "../../src/cni/error.ts";
import { isInterfaceMac } from "../../src/ip/mac.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { bringUp } from "../../src/steps/bring-up.ts";
import { findInterface } from "../../src/steps/container.ts";
import type { Container } from "../../src/steps/host.ts";
import type { Defer } from "../../src/steps/undo.ts";

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

/**
 * Sets the interface up, and waits at most `timeout` ms until it carries traffic. Returns it as it is then. @throws CniError tryAgainLater
 * without a carrier
 */
export function requireCarrier(container: Container, link: Link, options: { timeout: number; defer: Defer }): Link {
  if (bringUp(container, link, options)) return { ...link, up: true };
  const time = `${Math.round(options.timeout / 1000)} s`;
  const message = `Cannot get a DHCP lease for "${link.name}" within ${time}: the link has no carrier`;
  throw new CniError("tryAgainLater", message, { details: "see whether its master is up and its cable plugged in" });
}
