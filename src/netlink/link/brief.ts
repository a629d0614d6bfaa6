import { decodeMac } from "../../ip/mac.ts";
import { SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFMTU } from "../../linux/ifreq.ts";
import { ERRNO } from "../../platform/errno.ts";
import { NetlinkError } from "../acknowledgement.ts";
import { viewOf } from "../bytes.ts";
import type { Rtnetlink } from "../socket.ts";
import { getLink } from "./get.ts";
import type { Link, LinkId } from "./message.ts";

/** What most steps need of a link that was just made, or was just there. */
export type LinkBrief = Pick<Link, "index" | "name" | "mac" | "mtu">;

/** Length of an Ethernet link's MAC. <linux/if_ether.h> */
const ETH_ALEN = 6;

/**
 * The index, MAC and MTU of an Ethernet link by ioctl(2): without the kernel's lock on all links, and without the hundred attributes that getLink() is
 * answered with. Given by its name alone, it must have just been made; else it is the link of that index, whatever its name is by now.
 * @throws NetlinkError ENODEV
 */
export function getLinkBrief(netlink: Rtnetlink, which: string | LinkId): LinkBrief {
  if (typeof which === "string") return askAll(netlink, which);
  try {
    const found = askAll(netlink, which.name);
    if (found.index === which.index) return found;
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === ERRNO.ENODEV)) throw error;
  }
  return getLink(netlink, which.index);
}

function askAll(netlink: Rtnetlink, name: string): LinkBrief {
  const ask = (what: number) => {
    const { errno, data } = netlink.ask(what, name);
    if (errno !== 0) throw new NetlinkError(`get link "${name}"`, { errno });
    return viewOf(data);
  };
  const mac = ask(SIOCGIFHWADDR);
  return {
    index: ask(SIOCGIFINDEX).getInt32(0, true),
    name,
    // Behind the family in struct sockaddr.
    mac: decodeMac(new Uint8Array(mac.buffer, mac.byteOffset + 2, ETH_ALEN)),
    mtu: ask(SIOCGIFMTU).getInt32(0, true),
  };
}
