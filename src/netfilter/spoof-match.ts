import { u8, u16be } from "../netlink/codec.ts";
import type { Expression } from "./nftables/expression.ts";
import type { Field } from "./nftables/field.ts";
import { IPPROTO, lookUp, match, matchMasked, matchProtocol } from "./nftables/match.ts";
import type { LabelledRule } from "./nftables/rule-set.ts";
import { ADDRESSES, MACS } from "./spoof-elements.ts";

/** Types of ICMPv6. RFC 2710, RFC 3810, RFC 4861 */
const ICMPV6 = {
  "mld-listener-report": 131,
  "mld-listener-done": 132,
  "nd-router-solicit": 133,
  "nd-router-advert": 134,
  "nd-neighbor-solicit": 135,
  "nd-neighbor-advert": 136,
  "nd-redirect": 137,
  "mld2-listener-report": 143,
} as const;

/** What a rule is made of: expressions, or lists of them. */
type Part = Expression | readonly Expression[];

/** A rule of these expressions, in the nft tool's words. */
export function rule(label: string, ...parts: readonly Part[]): LabelledRule {
  return { label, expressions: parts.flat() };
}

/** Goes on where a frame carries this, one of ETH_P, behind its VLAN tag where it has one. */
export function carries(type: number): readonly Expression[] {
  return match("meta protocol", u16be.encode(type));
}

const OWN = {
  "ether saddr": MACS,
  "arp saddr ether": MACS,
  "arp saddr ip": ADDRESSES[4],
  "ip saddr": ADDRESSES[4],
  "ip6 saddr": ADDRESSES[6],
  "icmpv6 taddr": ADDRESSES[6],
} as const satisfies Partial<Record<Field, { name: string; id: number }>>;

/** Goes on where the field has what the port's container may call its own. */
export function isFrom(field: keyof typeof OWN): readonly Expression[] {
  return lookUp(["iif", field], OWN[field]);
}

/** Goes on where the field is the address of whoever has none. */
export function isUnspecified(field: "arp saddr ip" | "ip saddr" | "ip6 saddr"): readonly Expression[] {
  return match(field, new Uint8Array(field === "ip6 saddr" ? 16 : 4));
}

/** Goes on with datagrams from a port. */
export function isUdpFrom(port: number): readonly Expression[] {
  return [...matchProtocol(IPPROTO.UDP), ...match("th sport", u16be.encode(port))];
}

/** A rule for messages of ICMPv6 of that type. */
export function says(type: keyof typeof ICMPV6, rest: string, ...parts: readonly Part[]): LabelledRule {
  const isType = match("icmpv6 type", u8.encode(ICMPV6[type]));
  return rule(`icmpv6 type ${type} ${rest}`, matchProtocol(IPPROTO.ICMPV6), isType, ...parts);
}

/** The same for all of them that say of which type they are. */
export function saysAnything(rest: string, ...parts: readonly Part[]): LabelledRule {
  const none = u8.encode(0);
  const hasType = matchMasked("icmpv6 type", { mask: none, value: none });
  return rule(`icmpv6 type & 0 == 0 ${rest}`, matchProtocol(IPPROTO.ICMPV6), hasType, ...parts);
}
