import { getLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";

/** The kernel always creates this link first. <net/flow.h> */
const LOOPBACK_IFINDEX = 1;

/** The loopback link of a namespace, whatever the container has named it. @throws NetlinkError */
export function getLoopback(netlink: Rtnetlink): Link {
  return getLink(netlink, LOOPBACK_IFINDEX);
}
