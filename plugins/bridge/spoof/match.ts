import type { Expression } from "../../../src/netfilter/nftables/expression.ts";
import type { Field } from "../../../src/netfilter/nftables/field.ts";
import {
  ETH_P,
  IPPROTO,
  lookUp,
  match,
  matchAnyBit,
  matchMasked,
  matchProtocol,
} from "../../../src/netfilter/nftables/match.ts";
import type { LabelledRule } from "../../../src/netfilter/nftables/rule-set.ts";
import { ACCEPT } from "../../../src/netfilter/nftables/statement.ts";
import { u8, u16be } from "../../../src/netlink/codec.ts";
import { ADDRESSES, MACS } from "./elements.ts";

/** ICMPv6 types by the nft tool's names. RFC 2710, RFC 3810, RFC 4861 */
const ICMPV6 = {
  "mld-listener-report": 131,
  "mld-listener-done": 132,
  "nd-router-solicit": 133,
  "nd-neighbor-solicit": 135,
  "nd-neighbor-advert": 136,
  "mld2-listener-report": 143,
} as const;

/** ICMP types that only routers send, by the nft tool's names. RFC 792, RFC 1256 */
const ICMP = { redirect: 5, "router-advertisement": 9 } as const;

/** IGMP types that members of groups send, by the nft tool's names. RFC 9776 */
const IGMP = {
  "membership-report-v1": 0x12,
  "membership-report-v2": 0x16,
  "leave-group": 0x17,
  "membership-report-v3": 0x22,
} as const;

/**
 * The first bytes of neighbour discovery options that are 8 bytes long: the sender's MAC, the target's MAC, the nonce. RFC 4861, RFC 3971
 */
const OPTION = { source: Uint8Array.of(1, 1), target: Uint8Array.of(2, 1), nonce: Uint8Array.of(14, 1) } as const;

/** The bits of the fragment offset in its two bytes of the IPv4 and IPv6 headers. RFC 791, RFC 8200 */
const FRAGMENT_OFFSET = { 4: 0x1fff, 6: 0xfff8 } as const;

/** What a rule is made of: expressions, or lists of them. */
type Part = Expression | readonly Expression[];

/** A rule of these expressions. The label is in the nft tool's syntax. */
export function rule(label: string, ...parts: readonly Part[]): LabelledRule {
  return { label, expressions: parts.flat() };
}

/** Matches frames of this type (one of ETH_P), behind the VLAN tag if there is one. */
export function carries(type: number): readonly Expression[] {
  return match("meta protocol", u16be.encode(type));
}

const OWN = {
  "ether saddr": MACS,
  "arp saddr ether": MACS,
  "arp saddr ip": ADDRESSES[4],
  "arp daddr ip": ADDRESSES[4],
  "ip saddr": ADDRESSES[4],
  "ip6 saddr": ADDRESSES[6],
  "icmpv6 taddr": ADDRESSES[6],
  "nd option mac": MACS,
  "rs option mac": MACS,
} as const satisfies Partial<Record<Field, { name: string; id: number }>>;

/** Matches if the field holds an address or MAC assigned to this port's container. */
export function isFrom(field: keyof typeof OWN): readonly Expression[] {
  return lookUp(["iif", field], OWN[field]);
}

/** Matches if the field holds the unspecified address. */
export function isUnspecified(field: "arp saddr ip" | "ip saddr" | "ip6 saddr"): readonly Expression[] {
  return match(field, new Uint8Array(field === "ip6 saddr" ? 16 : 4));
}

/** Matches UDP datagrams from a port. */
export function isUdpFrom(port: number): readonly Expression[] {
  return [...matchProtocol(IPPROTO.UDP), ...match("th sport", u16be.encode(port))];
}

/** Matches UDP datagrams to a port. */
export function isUdpTo(port: number): readonly Expression[] {
  return [...matchProtocol(IPPROTO.UDP), ...match("th dport", u16be.encode(port))];
}

/** Matches if the packet has this field. */
export function has(field: "meta l4proto" | "th dport" | "icmp type"): readonly Expression[] {
  const none = new Uint8Array(field === "th dport" ? 2 : 1);
  return matchMasked(field, { mask: none, value: none });
}

/** A rule for ICMPv6 messages of that type. */
export function says(type: keyof typeof ICMPV6, rest: string, ...parts: readonly Part[]): LabelledRule {
  const isType = match("icmpv6 type", u8.encode(ICMPV6[type]));
  return rule(`icmpv6 type ${type} ${rest}`, matchProtocol(IPPROTO.ICMPV6), isType, ...parts);
}

/** A rule for ICMPv6 messages whose type has these bits under a mask. */
export function saysAny({ mask, value }: { mask: number; value: number }, rest: string, ...parts: readonly Part[]) {
  const isType = matchMasked("icmpv6 type", { mask: u8.encode(mask), value: u8.encode(value) });
  return rule(`icmpv6 type & ${mask} == ${value} ${rest}`, matchProtocol(IPPROTO.ICMPV6), isType, ...parts);
}

/** A rule for ICMP messages of that type. */
export function saysOf4(type: keyof typeof ICMP, rest: string, ...parts: readonly Part[]): LabelledRule {
  const isType = match("icmp type", u8.encode(ICMP[type]));
  return rule(`icmp type ${type} ${rest}`, matchProtocol(IPPROTO.ICMP), isType, ...parts);
}

/** A rule for each IGMP message that a member of a group sends. */
export function reports(rest: string, ...parts: readonly Part[]): readonly LabelledRule[] {
  return Object.entries(IGMP).map(([type, number]) => {
    const isType = match("igmp type", u8.encode(number));
    return rule(`igmp type ${type} ${rest}`, matchProtocol(IPPROTO.IGMP), isType, ...parts);
  });
}

/** Matches neighbour discovery messages that fill the packet to exactly this length: no other header, and nothing behind the message. */
export function isWhole(length: number): readonly Expression[] {
  const isAlone = match("ip6 nexthdr", u8.encode(IPPROTO.ICMPV6));
  return [...carries(ETH_P.IPV6), ...match("ip6 length", u16be.encode(length)), ...isAlone];
}

/** Matches if the first option is this one. */
export function hasOption(field: "nd option" | "rs option", option: keyof typeof OPTION): readonly Expression[] {
  return match(field, OPTION[option]);
}

/** Accepts later fragments. They are harmless: the first fragment was dropped if it did not say what the packet carries. */
export function laterFragment(family: 4 | 6): LabelledRule {
  const field = family === 4 ? "ip frag-off" : "frag frag-off";
  const isLater = matchAnyBit(field, u16be.encode(FRAGMENT_OFFSET[family]));
  const label = family === 4 ? "ip frag-off & 0x1fff != 0 accept" : "frag frag-off != 0 accept";
  return rule(label, carries(family === 4 ? ETH_P.IP : ETH_P.IPV6), isLater, ACCEPT);
}
