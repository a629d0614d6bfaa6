import { expect, test } from "vitest";
import { parsePrefix } from "../../../src/ip/prefix.ts";
import { ifname } from "../../../src/netfilter/nftables/datatype.ts";
import { NFT_CMP } from "../../../src/netfilter/nftables/expression/cmp.ts";
import { CT_STATE, IPS } from "../../../src/netfilter/nftables/expression/ct.ts";
import type { Expression } from "../../../src/netfilter/nftables/expression.ts";
import { formatExpressions } from "../../../src/netfilter/nftables/format.ts";
import {
  ETH_P,
  IPPROTO,
  lookUp,
  lookUpNot,
  lookUpSource,
  lookUpVerdict,
  match,
  matchAnyBit,
  matchBits,
  matchDestination,
  matchFamily,
  matchLocalDestination,
  matchMasked,
  matchProtocol,
  matchSource,
} from "../../../src/netfilter/nftables/match.ts";
import { decodeRule } from "../../../src/netfilter/nftables/rule.ts";
import { ACCEPT, DROP, dnatTo, goTo, jump, RETURN, setMark } from "../../../src/netfilter/nftables/statement.ts";
import { u8, u16be, u32 } from "../../../src/netlink/codec.ts";
import { payloads } from "../captured.ts";

const sent = payloads("apply", "sent", "NEWRULE").map((bytes) => decodeRule(bytes).expressions);

function destination(text: string) {
  return [...matchDestination(prefixOf(text)), RETURN];
}

function prefixOf(text: string) {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(text);
  return prefix;
}

function listed(name: string): readonly (readonly Expression[])[] {
  return payloads(name, "received", "NEWRULE").map((bytes) => decodeRule(bytes).expressions ?? []);
}

test.each([
  { prefix: "224.0.0.0/4", rule: 0, how: "masks, for the length is no whole number of bytes" },
  { prefix: "ff00::/8", rule: 1, how: "compares whole bytes" },
  { prefix: "10.88.0.2/16", rule: 4, how: "compares the network's bytes, whatever the host bits" },
  { prefix: "172.30.16.0/20", rule: 6, how: "masks inside a byte" },
  { prefix: "fd00:88::2/64", rule: 8, how: "compares eight bytes" },
])("matchDestination $prefix is what the nft tool makes: it $how", ({ prefix, rule }) => {
  expect(destination(prefix)).toEqual(sent[rule]);
});

test("matchDestination of a prefix of length 0 is the family alone", () => {
  expect(destination("0.0.0.0/0")).toEqual([...(sent[4]?.slice(0, 2) ?? []), RETURN]);
});

test("matchSource is the same for the source", () => {
  const offset = 12;
  const [family, compared, payload] = sent[4] ?? [];
  const source = payload?.name === "payload" ? { ...payload, data: { ...payload.data, offset } } : payload;
  expect(matchSource(prefixOf("10.88.0.0/16"))).toEqual([family, compared, source, sent[4]?.[3]]);
});

test("lookUpSource is what the nft tool makes", () => {
  expect(lookUpSource(4, { name: "sources4", id: 1 })).toEqual(sent[2]);
  expect(lookUpSource(6, { name: "sources6", id: 2 })).toEqual(sent[3]);
});

/** The same, but for every other value. */
function inverted(expressions: readonly Expression[]): readonly Expression[] {
  return expressions.map((each) =>
    each.name === "cmp" ? { ...each, data: { ...each.data, operation: NFT_CMP.NEQ } } : each,
  );
}

/** The rules of test/captures/nftables/rules.nft, in its order, in our words. Sets are numbered in the order they are made. */
const published = (family: 4 | 6, id: number) => ({ name: `published${family}`, id });
const RULES: readonly (readonly Expression[])[] = [
  [...matchFamily(4), ...matchLocalDestination(), ...dnatTo(4, ["meta l4proto", "th dport"], published(4, 2))],
  [...matchFamily(6), ...matchLocalDestination(), ...dnatTo(6, ["meta l4proto", "th dport"], published(6, 3))],
  setMark(0x2000),
  [...matchMasked("meta mark", { mask: u32.encode(0x2000), value: u32.encode(0x2000) }), goTo("other")],
  [...matchBits("ct state", CT_STATE.ESTABLISHED | CT_STATE.RELATED), ACCEPT],
  [...matchBits("ct status", IPS.DST_NAT), ACCEPT],
  [...match("ct direction", u8.encode(0)), jump("other")],
  [...match("iifname", ifname.encode("cni0")), ...inverted(match("oifname", ifname.encode("cni0"))), DROP],
  [...matchFamily(4), ...lookUpNot(["iifname", "ip saddr"], { name: "pairs", id: 1 }), DROP],
  lookUpVerdict(["iifname"], { name: "verdicts", id: 4 }),
  [...matchSource(prefixOf("10.88.0.0/16")), ACCEPT],
  [...matchProtocol(IPPROTO.TCP), ...match("th dport", u16be.encode(80)), ACCEPT],
];

test("match and its kin, and statements, are what the kernel makes of the nft tool's rules for inet tables", () => {
  expect(RULES.map(formatExpressions)).toEqual(listed("rules-list").map(formatExpressions));
});

/** Those of bridge-rules.nft. */
const BRIDGE_RULES: readonly (readonly Expression[])[] = [
  [...lookUpNot(["iifname", "ether saddr"], { name: "macs", id: 1 }), DROP],
  [
    ...match("ether type", u16be.encode(ETH_P.ARP)),
    ...lookUpNot(["iifname", "arp saddr ether", "arp saddr ip"], { name: "senders", id: 2 }),
    DROP,
  ],
  [
    ...match("ether type", u16be.encode(ETH_P.IPV6)),
    ...matchProtocol(IPPROTO.ICMPV6),
    ...match("icmpv6 type", u8.encode(134)),
    DROP,
  ],
  [
    ...match("ether type", u16be.encode(ETH_P.IPV6)),
    ...lookUp(["iifname", "ip6 saddr"], { name: "addresses6", id: 3 }),
    ACCEPT,
  ],
  [...match("ether type", u16be.encode(ETH_P.IPV6)), ...matchAnyBit("frag frag-off", u16be.encode(0xfff8)), ACCEPT],
  [...lookUp(["iif", "ether saddr"], { name: "links", id: 4 }), ACCEPT],
];

test("match and its kin are what the kernel makes of them for bridge tables", () => {
  expect(BRIDGE_RULES.map(formatExpressions)).toEqual(listed("bridge-rules-list").map(formatExpressions));
});
