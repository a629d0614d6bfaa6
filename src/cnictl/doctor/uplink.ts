import type { Family } from "../../ip/address.ts";
import { findLink } from "../../netlink/link/get.ts";
import type { Link } from "../../netlink/link/message.ts";
import { findDefaultRoute } from "../../netlink/route/default.ts";
import type { Rtnetlink } from "../../netlink/socket.ts";

/** The link of the host's default route of a family. @throws NetlinkError */
export function findUplink(netlink: Rtnetlink, family: Family): Link | undefined {
  const route = findDefaultRoute(netlink, family);
  const index = route?.index ?? route?.nextHops[0]?.index;
  return index === undefined ? undefined : findLink(netlink, index);
}
