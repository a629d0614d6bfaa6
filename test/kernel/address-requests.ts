import { type Address, formatAddress, isLinkLocal, isSameAddress } from "../../src/ip/address.ts";
import { linkLocalAddress } from "../../src/ip/link-local.ts";
import { isSamePrefix } from "../../src/ip/prefix.ts";
import { AF } from "../../src/linux/socket.ts";
import { IFA_F } from "../../src/netlink/address/attributes.ts";
import { decodeLinkAddress, encodeLinkAddress } from "../../src/netlink/address/message.ts";
import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { encodeFamily } from "../../src/netlink/family.ts";
import { RT_SCOPE } from "../../src/netlink/route/header.ts";
import { RTM, RTNLGRP } from "../../src/netlink/rtnetlink.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { addRoutesOf, deleteRoutesOf, isSecondary, secondariesOf } from "./address-routes.ts";
import type { Answer } from "./answer.ts";
import { type FakeLink, isUp } from "./link.ts";
import type { FakeAddress, FakeNamespace } from "./namespace.ts";
import { Refusal } from "./refusal.ts";

/** What the kernel gives an address for good. <linux/if_addr.h> */
const IFA_F_PERMANENT = 0x80;

/** RTM_NEWADDR. @throws Refusal ENODEV, EEXIST, EINVAL, EACCES where the link has IPv6 off */
export function requestNewAddress(namespace: FakeNamespace, { payload }: NetlinkRequest): void {
  const { header, attributes } = decodeLinkAddress(payload);
  const address = attributes.local ?? attributes.address;
  const link = namespace.links.get(header.index);
  if (address === undefined) throw new Refusal(ERRNO.EINVAL);
  if (link === undefined) throw new Refusal(ERRNO.ENODEV);
  if (header.prefixLength > (address.family === 4 ? 32 : 128)) throw new Refusal(ERRNO.EINVAL);
  if (address.family === 6 && namespace.sysctls.find(`net/ipv6/conf/${link.name}/disable_ipv6`) === "1") {
    throw new Refusal(ERRNO.EACCES, "IPv6 is disabled on this device");
  }
  const prefix = { address, length: header.prefixLength };
  const isThere = namespace.addressesOf(link.index, address.family).some((each) => {
    return address.family === 4 ? isSamePrefix(each.prefix, prefix) : isSameAddress(each.prefix.address, address);
  });
  if (isThere)
    throw new Refusal(ERRNO.EEXIST, address.family === 6 ? "address already assigned" : "Address already assigned");
  addAddress(namespace, link, {
    prefix,
    index: link.index,
    // Of IPv6 the address itself says how far it reaches.
    scope: address.family === 4 ? header.scope : isLinkLocal(address) ? RT_SCOPE.LINK : RT_SCOPE.UNIVERSE,
    broadcast: attributes.broadcast,
    flags: (attributes.flags ?? header.flags) | IFA_F_PERMANENT,
  });
}

/** RTM_DELADDR. @throws Refusal ENODEV, EADDRNOTAVAIL */
export function requestDeleteAddress(namespace: FakeNamespace, { payload }: NetlinkRequest): void {
  const { header, attributes } = decodeLinkAddress(payload);
  const address = attributes.local ?? attributes.address;
  if (!namespace.links.has(header.index)) throw new Refusal(ERRNO.ENODEV, "Unable to find the interface");
  const found = namespace.addressesOf(header.index).find(({ prefix }) => {
    return address !== undefined && isSamePrefix(prefix, { address, length: header.prefixLength });
  });
  if (found === undefined) throw new Refusal(ERRNO.EADDRNOTAVAIL, "address not found");
  const going = [found, ...secondariesOf(namespace, found)];
  namespace.addresses = namespace.addresses.filter((each) => !going.includes(each));
  for (const each of going) deleteRoutesOf(namespace, each);
  tell(namespace, header.index);
}

/** RTM_GETADDR: a list of those of one link, or of all. @throws Refusal ENODEV */
export function requestAddresses(namespace: FakeNamespace, { payload }: NetlinkRequest): readonly Answer[] {
  const { header } = decodeLinkAddress(payload);
  if (header.index !== 0 && !namespace.links.has(header.index)) throw new Refusal(ERRNO.ENODEV);
  const found = namespace.addresses.filter(({ index, prefix }) => {
    const isFamily = header.family === 0 || header.family === encodeFamily(prefix.address.family);
    return isFamily && (header.index === 0 || index === header.index);
  });
  const [four, six] = ([4, 6] as const).map((family) => found.filter(({ prefix }) => prefix.address.family === family));
  return [...(four ?? []), ...(six ?? [])].map((each) => ({ type: RTM.NEWADDR, payload: describe(namespace, each) }));
}

/**
 * Gives a link that carries traffic its address on the link, fe80::/64, where it is to have one. Detection of duplicates begins for those
 * that it got before.
 */
export function addLinkLocal(namespace: FakeNamespace, link: FakeLink): void {
  for (const each of namespace.addressesOf(link.index, 6))
    if ((each.flags & IFA_F.TENTATIVE) !== 0) namespace.later.push(() => endDetection(namespace, each));
  const value = (key: string) => namespace.sysctls.find(`net/ipv6/conf/${link.name}/${key}`);
  if (link.kind === "" || link.kind === "vrf" || value("disable_ipv6") !== "0" || value("addr_gen_mode") !== "0")
    return;
  const address = linkLocalAddress(link.mac);
  const isThere = namespace.addressesOf(link.index, 6).some(({ prefix }) => isSameAddress(prefix.address, address));
  if (isThere) return;
  const prefix = { address, length: 64 };
  const rest = { index: link.index, scope: RT_SCOPE.LINK, broadcast: undefined, flags: IFA_F_PERMANENT };
  addAddress(namespace, link, { prefix, ...rest });
}

function addAddress(namespace: FakeNamespace, link: FakeLink, address: FakeAddress): void {
  const isChecked = address.prefix.address.family === 6 && (address.flags & IFA_F.NODAD) === 0 && link.kind !== "";
  if (isChecked) address.flags |= IFA_F.TENTATIVE;
  insert(namespace, address);
  addRoutesOf(namespace, link, address);
  tell(namespace, link.index);
  if (isChecked && isUp(link)) namespace.later.push(() => endDetection(namespace, address));
}

/** The kernel keeps those that are the first of their subnets, in order, and behind them the others. */
function insert(namespace: FakeNamespace, address: FakeAddress): void {
  const own = namespace.addressesOf(address.index);
  const isSecond = isSecondary(own, address);
  const before = isSecond ? own : own.filter((each) => !isSecondary(own, each));
  const rest = namespace.addresses.filter(({ index }) => index !== address.index);
  namespace.addresses = [...rest, ...before, address, ...own.filter((each) => !before.includes(each))];
}

/** The end of duplicate address detection: the address can be used, or another host has it. */
function endDetection(namespace: FakeNamespace, address: FakeAddress): void {
  const isTaken = namespace.takenElsewhere.some((each) => isSameAddress(each, address.prefix.address));
  address.flags = isTaken ? address.flags | IFA_F.DADFAILED : address.flags & ~IFA_F.TENTATIVE;
  tell(namespace, address.index);
}

function tell(namespace: FakeNamespace, index: number): void {
  const payload = encodeLinkAddress({ header: { index }, attributes: {} });
  namespace.tell(RTNLGRP.IPV6_IFADDR, { type: RTM.NEWADDR, flags: 0, sequence: 0, port: 0, payload });
}

function describe(namespace: FakeNamespace, { prefix, index, scope, broadcast, flags }: FakeAddress): Uint8Array {
  const { address, length } = prefix;
  const label = address.family === 4 ? namespace.links.get(index)?.name : undefined;
  return encodeLinkAddress({
    header: {
      family: address.family === 4 ? AF.INET : AF.INET6,
      prefixLength: length,
      flags: flags & 0xff,
      scope,
      index,
    },
    attributes: { address, ...(address.family === 4 && { local: address }), broadcast, label, flags },
  });
}

/** An address as a test reads it. */
export function formatFakeAddress({ prefix, flags, broadcast }: FakeAddress): string {
  const words = [
    `${formatAddress(prefix.address)}/${prefix.length}`,
    broadcast === undefined ? "" : `broadcast ${formatAddress(broadcast)}`,
    flagged(flags, IFA_F.TENTATIVE, "tentative"),
    flagged(flags, IFA_F.DADFAILED, "duplicate"),
    flagged(flags, IFA_F.NODAD, "nodad"),
    flagged(flags, IFA_F.NOPREFIXROUTE, "noprefixroute"),
  ];
  return words.filter((word) => word !== "").join(" ");
}

function flagged(flags: number, bit: number, word: string): string {
  return (flags & bit) === 0 ? "" : word;
}

/** Whether an address is one of the namespace's own. */
export function isOwnAddress(namespace: FakeNamespace, address: Address): boolean {
  return namespace.addresses.some(({ prefix }) => isSameAddress(prefix.address, address));
}
