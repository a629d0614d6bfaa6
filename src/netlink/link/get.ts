import { ERRNO } from "../../platform/errno.ts";
import { NetlinkError } from "../acknowledgement.ts";
import { text } from "../codec.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { RTEXT_FILTER } from "./attributes.ts";
import type { Link } from "./message.ts";
import { encodeLink, readLink } from "./message.ts";

/** The size of a link's name with its NUL, and that of its other names. <linux/if.h> */
const IFNAMSIZ = 16;
const ALTIFNAMSIZ = 128;

/** Errors of the kernel for a missing link, and for a long name before Linux 5.5, which has no other names. */
const NONE: readonly number[] = [ERRNO.ENODEV, ERRNO.EINVAL];

/** The link with a name or an index, like `ip -details link show dev NAME`. @throws NetlinkError ENODEV if there is none */
export function getLink(netlink: Rtnetlink, which: string | number): Link {
  const link = findLink(netlink, which);
  if (link === undefined) throw new NetlinkError(describe(which), { errno: ERRNO.ENODEV });
  return link;
}

/** The link with an index, a name or one of its other names; undefined if there is none. @throws NetlinkError if the kernel refuses to answer */
export function findLink(netlink: Rtnetlink, which: string | number): Link | undefined {
  const payload = askForLink(netlink, which);
  return payload && readLink(payload);
}

/** What the kernel says of the link with a name or an index, for readLink(); undefined if there is none. @throws as findLink() */
export function askForLink(netlink: Rtnetlink, which: string | number): Uint8Array | undefined {
  const header = typeof which === "number" ? { index: which } : {};
  const name = typeof which === "string" ? nameAttribute(which) : {};
  if (name === undefined) return undefined;
  const payload = encodeLink({ header, attributes: { ...name, extensions: RTEXT_FILTER.SKIP_STATS } });
  const request = { type: RTM.GETLINK, flags: 0, payload, action: describe(which), expected: NONE };
  const [message] = netlink.request(request);
  return message?.payload;
}

/**
 * The other end of a veth in the socket's namespace; undefined if it is elsewhere. The kernel gives only its index, which another link may
 * have here, so the other end must point back. @throws NetlinkError
 */
export function findOtherEnd(netlink: Rtnetlink, { index, peer }: Pick<Link, "index" | "peer">): Link | undefined {
  const end = peer === undefined ? undefined : findLink(netlink, peer);
  return end?.peer === index ? end : undefined;
}

/** Whether a link with an index exists, without waiting for other processes that change links. @throws LinuxError */
export function hasLink(netlink: Rtnetlink, index: number): boolean {
  return netlink.hasIndex(index);
}

/** The attribute with which the kernel looks for a name; undefined for what is none. It ends a name at NUL. */
function nameAttribute(name: string): { name: string } | { otherName: string } | undefined {
  if (name.includes("\0")) return undefined;
  const size = text.encode(name).length;
  if (size <= IFNAMSIZ) return { name };
  return size <= ALTIFNAMSIZ ? { otherName: name } : undefined;
}

function describe(which: string | number): string {
  return typeof which === "number" ? `get link ${which}` : `get link "${which}"`;
}
