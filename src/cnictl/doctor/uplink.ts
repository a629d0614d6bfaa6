import type { Family } from "../../ip/address.ts";
import { findLink } from "../../netlink/link/get.ts";
import type { Link } from "../../netlink/link/message.ts";
import { findDefaultRoute } from "../../netlink/route/default.ts";
import type { Rtnetlink } from "../../netlink/socket.ts";

/** The links of the host's default route of a family, which may have several. @throws NetlinkError */
export function listUplinks(netlink: Rtnetlink, family: Family): readonly Link[] {
  const route = findDefaultRoute(netlink, family);
  const indexes = [route?.index, ...(route?.nextHops ?? []).map(({ index }) => index)];
  return indexes.flatMap((index) => (index === undefined ? [] : (findLink(netlink, index) ?? [])));
}

/** The first of them. @throws NetlinkError */
export function findUplink(netlink: Rtnetlink, family: Family): Link | undefined {
  return listUplinks(netlink, family)[0];
}
