import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { NETNSA_NSID_NOT_ASSIGNED } from "./attributes.ts";
import { decodeNetns, encodeNetns } from "./message.ts";

/**
 * The number that the socket's namespace has for that of a descriptor, like `ip netns list-id`; undefined if it has none. The kernel uses
 * it to say where a link's parent or other end is. @throws NetlinkError
 */
export function findNetnsId(netlink: Rtnetlink, netns: number): number | undefined {
  const payload = encodeNetns({ header: {}, attributes: { fd: netns } });
  const action = "get the number of a network namespace";
  const [message] = netlink.request({ type: RTM.GETNSID, flags: 0, payload, action });
  const id = message && decodeNetns(message.payload).attributes.id;
  return id === NETNSA_NSID_NOT_ASSIGNED ? undefined : id;
}
