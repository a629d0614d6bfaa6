import { getLink } from "../../src/netlink/link/get.ts";
import type { Link, LinkId } from "../../src/netlink/link/message.ts";
import type { Netlink } from "../../src/netlink/socket.ts";

/** The loopback link of every namespace: the kernel makes it first of all. LOOPBACK_IFINDEX <net/flow.h> */
export const LOOPBACK: LinkId = { index: 1, name: "lo" };

/** That link as it is. @throws NetlinkError */
export function getLoopback(netlink: Netlink): Link {
  return getLink(netlink, LOOPBACK.index);
}
