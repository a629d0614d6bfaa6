import type { Family } from "../../ip/address.ts";
import { findLink } from "../link/get.ts";
import type { Link } from "../link/message.ts";
import type { Rtnetlink } from "../socket.ts";
import { findDefaultRoute } from "./default.ts";

/**
 * The links of the host's default route of a family, which may go through several. `lo` is none: a route without a way out leads to it.
 * @throws NetlinkError
 */
export function listUplinks(netlink: Rtnetlink, family: Family): readonly Link[] {
  const route = findDefaultRoute(netlink, family);
  const indexes = [route?.index, ...(route?.nextHops ?? []).map(({ index }) => index)];
  const links = indexes.flatMap((index) => (index === undefined ? [] : (findLink(netlink, index) ?? [])));
  return links.filter(({ name }) => name !== "lo");
}
