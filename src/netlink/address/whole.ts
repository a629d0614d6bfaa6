import { type Family, isSameAddress } from "../../ip/address.ts";
import { formatPrefix } from "../../ip/prefix.ts";
import { encodeFamily } from "../family.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { IFA_F } from "./attributes.ts";
import { decodeLinkAddress, encodeLinkAddress, type LinkAddress, readLinkAddress } from "./message.ts";

/** An address with all that the kernel says of it, so that the same address can be added again. */
export interface WholeAddress {
  readonly message: ReturnType<typeof decodeLinkAddress>;
  /** What we know of it. */
  readonly known: LinkAddress;
}

/** The flags of an address that a request can set: the kernel sets the others. inet6_rtm_newaddr() in net/ipv6/addrconf.c */
const SETTABLE = IFA_F.NODAD | IFA_F.HOMEADDRESS | IFA_F.MANAGETEMPADDR | IFA_F.NOPREFIXROUTE | IFA_F.MCAUTOJOIN;

/**
 * The addresses of a link and family that a request can add again: all but the temporary ones of IPv6 privacy extensions, which the
 * kernel makes by itself. RFC 8981 @throws NetlinkError ENODEV
 */
export function listWholeAddresses(netlink: Rtnetlink, link: LinkId, family: Family): readonly WholeAddress[] {
  const payload = encodeLinkAddress({ header: { family: encodeFamily(family), index: link.index }, attributes: {} });
  const action = `list the IPv${family} addresses of link "${link.name}"`;
  return netlink
    .request({ type: RTM.GETADDR, flags: NLM_F.DUMP, payload, action })
    .map((each) => ({ message: decodeLinkAddress(each.payload), known: readLinkAddress(each.payload) }))
    .filter(({ known }) => known.index === link.index && known.prefix.address.family === family)
    .filter((each) => (flagsOf(each) & IFA_F.TEMPORARY) === 0);
}

/** Whether two are the same address, whatever else is said of them. */
export function isSameLinkAddress(a: WholeAddress, b: WholeAddress): boolean {
  return isSameAddress(a.known.prefix.address, b.known.prefix.address);
}

/**
 * Adds an address to a link again. One that was usable is usable at once: its uniqueness is known. @throws NetlinkError EEXIST if the
 * link has it, ENODEV, EACCES if IPv6 is off
 */
export function addWholeAddress(netlink: Rtnetlink, link: LinkId, address: WholeAddress): void {
  const { header, attributes } = address.message;
  const isChecked = address.known.tentative || address.known.duplicate;
  const flags = (flagsOf(address) & SETTABLE) | (isChecked ? 0 : IFA_F.NODAD);
  const payload = encodeLinkAddress({
    header: { ...header, flags: 0, index: link.index },
    attributes: { ...attributes, flags },
  });
  const action = `add address ${formatPrefix(address.known.prefix)} to link "${link.name}"`;
  netlink.request({ type: RTM.NEWADDR, flags: NLM_F.CREATE | NLM_F.EXCL | NLM_F.ACK, payload, action });
}

function flagsOf({ message: { header, attributes } }: WholeAddress): number {
  return attributes.flags ?? header.flags;
}
