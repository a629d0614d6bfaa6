import { decodeMac } from "../../ip/mac.ts";
import { SIOCGIFFLAGS, SIOCGIFHWADDR, SIOCGIFINDEX, SIOCGIFMTU } from "../../linux/ifreq.ts";
import { ERRNO } from "../../platform/errno.ts";
import { ignoring } from "../../platform/outcome.ts";
import { NetlinkError, refusals } from "../acknowledgement.ts";
import { viewOf } from "../bytes.ts";
import type { Rtnetlink } from "../socket.ts";
import { getLink } from "./get.ts";
import type { Link, LinkId } from "./message.ts";

/** The properties of a link that most steps need. */
export type LinkBrief = Pick<Link, "index" | "name" | "mac" | "mtu">;

/** Length of an Ethernet link's MAC. <linux/if_ether.h> */
const ETH_ALEN = 6;

/**
 * The index, MAC and MTU of an Ethernet link by ioctl(2). It does not wait for the kernel's lock on all links, and avoids the hundred
 * attributes of getLink(). Pass a name only for a link that was just created; otherwise pass a LinkId, which finds the link by its
 * index, whatever its name is now. @throws NetlinkError ENODEV
 */
export function getLinkBrief(netlink: Rtnetlink, which: string | LinkId): LinkBrief {
  if (typeof which === "string") return askAll(netlink, which);
  const found = ignoring(refusals(ERRNO.ENODEV), () => askAll(netlink, which.name));
  return found?.index === which.index ? found : getLink(netlink, which.index);
}

/** The flag of a link that is operationally up: the kernel sends through it. <net/if.h> */
const IFF_RUNNING = 0x40;

/** The flag of a link whose hosts do not find each other's MACs. <net/if.h> */
const IFF_NOARP = 0x80;

/** Whether a link is operationally up, by ioctl(2), without the kernel's lock on all links. @throws NetlinkError ENODEV */
export function isRunning(netlink: Rtnetlink, { name }: LinkId): boolean {
  return (askFor(netlink, name, SIOCGIFFLAGS).getInt16(0, true) & IFF_RUNNING) !== 0;
}

/** Whether the hosts on a link find each other's MACs by ARP and neighbour discovery. @throws NetlinkError ENODEV */
export function hasArp(netlink: Rtnetlink, { name }: LinkId): boolean {
  return (askFor(netlink, name, SIOCGIFFLAGS).getInt16(0, true) & IFF_NOARP) === 0;
}

function askFor(netlink: Rtnetlink, name: string, what: number): DataView {
  const { errno, data } = netlink.ask(what, name);
  if (errno !== 0) throw new NetlinkError(`get link "${name}"`, { errno });
  return viewOf(data);
}

function askAll(netlink: Rtnetlink, name: string): LinkBrief {
  const ask = (what: number) => askFor(netlink, name, what);
  const mac = ask(SIOCGIFHWADDR);
  return {
    index: ask(SIOCGIFINDEX).getInt32(0, true),
    name,
    // The MAC follows the family in struct sockaddr.
    mac: decodeMac(new Uint8Array(mac.buffer, mac.byteOffset + 2, ETH_ALEN)),
    mtu: ask(SIOCGIFMTU).getInt32(0, true),
  };
}
