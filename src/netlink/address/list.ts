import { type Address, encodeAddress, type Family, formatAddress, isSameAddress } from "../../ip/address.ts";
import { isSamePrefix, type Prefix } from "../../ip/prefix.ts";
import type { NetlinkRequest } from "../answers.ts";
import { holdsAny } from "../bytes.ts";
import { encodeFamily } from "../family.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import type { LinkAddress } from "./message.ts";
import { encodeLinkAddress, readLinkAddress } from "./message.ts";

/** The addresses of a link, of one family or both, like `ip address show dev NAME`. @throws NetlinkError ENODEV */
export function listAddresses(netlink: Rtnetlink, link: LinkId, family?: Family): readonly LinkAddress[] {
  return dumpOf(netlink, link, { family });
}

/**
 * The addresses of `prefixes` that a link has. Other addresses, of which there may be very many, are not decoded. @throws NetlinkError
 * ENODEV
 */
export function findAddresses(netlink: Rtnetlink, link: LinkId, prefixes: readonly Prefix[]): readonly LinkAddress[] {
  const wanted = prefixes.map(({ address, length }) => ({ length, bytes: encodeAddress(address) }));
  // ifa_prefixlen of struct ifaddrmsg, and the address anywhere after it. <linux/if_addr.h>
  const keep = (payload: Uint8Array) =>
    wanted.some(({ length, bytes }) => payload[1] === length && holdsAny(payload, [bytes]));
  const found = dumpOf(netlink, link, { keep });
  return found.filter(({ prefix }) => prefixes.some((each) => isSamePrefix(each, prefix)));
}

/** The addresses of a family of all links, like `ip address show`. @throws NetlinkError */
export function listAllAddresses(netlink: Rtnetlink, family: Family): readonly LinkAddress[] {
  return dump(netlink, { family: encodeFamily(family) }, { action: `list the IPv${family} addresses` });
}

/** The links, by index, that have an address, like `ip address show to ADDRESS`. Other addresses are not decoded. @throws NetlinkError */
export function findHolders(netlink: Rtnetlink, address: Address): readonly LinkAddress[] {
  const bytes = encodeAddress(address);
  const action = `find address ${formatAddress(address)}`;
  const keep = (found: Uint8Array) => holdsAny(found, [bytes]);
  const all = dump(netlink, { family: encodeFamily(address.family) }, { action, keep });
  return all.filter(({ prefix }) => isSameAddress(prefix.address, address));
}

/** The first `count` addresses of a link. @throws NetlinkError ENODEV */
export function listFirstAddresses(netlink: Rtnetlink, link: LinkId, count: number): readonly LinkAddress[] {
  let left = count;
  return dumpOf(netlink, link, { keep: () => left-- > 0 });
}

function dumpOf(
  netlink: Rtnetlink,
  link: LinkId,
  { family, keep }: { family?: Family | undefined; keep?: NetlinkRequest["keep"] },
): readonly LinkAddress[] {
  const header = { family: family === undefined ? 0 : encodeFamily(family), index: link.index };
  const all = dump(netlink, header, { action: `list the addresses of link "${link.name}"`, ...(keep && { keep }) });
  return all.filter(({ index }) => index === link.index);
}

function dump(
  netlink: Rtnetlink,
  header: Parameters<typeof encodeLinkAddress>[0]["header"],
  question: Pick<NetlinkRequest, "action" | "keep">,
): readonly LinkAddress[] {
  const payload = encodeLinkAddress({ header, attributes: {} });
  const messages = netlink.request({ type: RTM.GETADDR, flags: NLM_F.DUMP, payload, ...question });
  return messages.map((message) => readLinkAddress(message.payload));
}
