import { sha512 } from "#digest";
import { type Family, formatAddress } from "../../src/ip/address.ts";
import { formatPrefix, type Prefix, parsePrefix } from "../../src/ip/prefix.ts";
import { type ChainKey, NF_INET, NF_IP_PRI } from "../../src/netfilter/nftables/chain.ts";
import { ADDRESS_FIELD, type Field } from "../../src/netfilter/nftables/field.ts";
import {
  lookUpVerdict,
  match,
  matchBits,
  matchDestination,
  matchFamily,
  matchLocalDestination,
  matchSource,
} from "../../src/netfilter/nftables/match.ts";
import type { ChainRules, LabelledRule, RuleSet } from "../../src/netfilter/nftables/rule-set.ts";
import { typedSet } from "../../src/netfilter/nftables/set.ts";
import { DROP, dnatTo, goTo, MASQUERADE, RETURN, setMark } from "../../src/netfilter/nftables/statement.ts";
import { commented } from "../../src/netfilter/nftables/userdata.ts";
import { type Attachment, ownerKey } from "../../src/netfilter/owner.ts";
import { u32 } from "../../src/netlink/codec.ts";
import { ATTACHMENTS, MAPS, type PortMaps } from "./nftables-maps.ts";
import type { Masquerading } from "./plan.ts";
import { TABLE } from "./tables.ts";

const COMMENT = "Ports of this host that are mapped to containers', by the CNI plugins";

/** Loopback addresses, which must not appear on any wire. RFC 1122, 3.2.1.3, and RFC 4291, 2.5.3 */
const LOOPBACK = { 4: "127.0.0.0/8", 6: "::1/128" } as const;

/** The index of `lo`, the first link of every network namespace. */
const LOOPBACK_IFINDEX = 1;

/** State of earlier versions, which guarded only links with route_localnet set. */
const FORMER = { chains: ["guard"], sets: ["localnet"] };

/** How many letters of a chain's name are for all subnets but the first. A name has at most 255: NFT_NAME_MAXLEN of nf_tables.h. */
const MAX_OTHERS = 160;
const DIGEST_LENGTH = 16;

/** The fields of a packet's key. If the mapping has an address, it comes first. */
const PORT_FIELDS = ["meta l4proto", "th dport"] as const satisfies readonly Field[];

/** The chain for packets to mapped ports. */
const TRANSLATE = "translate";

/** A chain that marks packets to mapped ports before they are translated. */
export interface Way {
  readonly chain: string;
  readonly rules: () => readonly LabelledRule[];
}

/** The way that does not mark packets. Its chain is part of every rule set. */
export const UNMARKED: Way = { chain: TRANSLATE, rules: translateRules };

/**
 * The way for the subnets of a container, all of one family. It marks packets for masquerading if their answers would bypass the host, or if they have a loopback
 * source.
 */
export function wayFor({ all, mark }: Masquerading, subnets: readonly Prefix[]): Way {
  const { chain, sources } = all
    ? { chain: "from_any", sources: [[]] }
    : { chain: `from_${nameOf(subnets)}`, sources: sourcesNear(subnets) };
  const rules = () => [
    ...sources.map((source) => markFrom(source[0], mark)),
    { label: `goto ${TRANSLATE}`, expressions: [goTo(TRANSLATE)] },
  ];
  return { chain: `${chain}_${formatMark(mark)}`, rules };
}

/** An attachment's chains for conditions. `test` has the one rule that the nft tool made, which jumps to `passed`. */
export function conditionalChains(owner: Attachment, family: Family): { test: string; passed: string } {
  return { test: `if${family}_${ownerKey(owner)}`, passed: `passed${family}_${ownerKey(owner)}` };
}

/** The rule set for these ways and marks. A mapping costs one element in each of two maps, which a packet finds by hash. */
export function portmapRules(ways: readonly Way[], marks: readonly number[]): RuleSet {
  return {
    table: { family: TABLE.family, name: TABLE.table, flags: 0, userdata: commented("table", COMMENT) },
    sets: [ATTACHMENTS, ...MAPS.flatMap(({ ways, targets }) => [ways, targets])].map(typedSet),
    chains: [
      natChain("prerouting", NF_INET.PRE_ROUTING, NF_IP_PRI.NAT_DST, toPorts),
      natChain("output", NF_INET.LOCAL_OUT, NF_IP_PRI.NAT_DST, outputRules),
      { name: "ports", rules: portsRules },
      { name: TRANSLATE, rules: translateRules },
      loopbackChain(),
      ...new Map(ways.map((way) => [way.chain, { name: way.chain, rules: way.rules }])).values(),
      ...[...new Set(marks)].map(masqueradeChain),
    ].filter(isFirst),
    former: FORMER,
  };
}

/** A chain of the table. */
export function chainKey(name: string): ChainKey {
  return { ...TABLE, name };
}

/** Only packets to this host: ports of machines behind it are not the host's (CVE-2025-67499). */
function toPorts(): readonly LabelledRule[] {
  return [{ label: "fib daddr type local goto ports", expressions: [...matchLocalDestination(), goTo("ports")] }];
}

/** Packets to ::1 are not mapped. IPv6 has no route_localnet, so no answer would return and the client would wait. */
function outputRules(): readonly LabelledRule[] {
  const loopback = parsePrefix(LOOPBACK[6]);
  const kept = loopback === undefined ? [] : [[...matchDestination(loopback), RETURN]];
  return [...kept.map((expressions) => ({ label: "ip6 daddr ::1 return", expressions })), ...toPorts()];
}

function portsRules(): readonly LabelledRule[] {
  return MAPS.map((maps) => ({
    label: `${fieldsOf(maps).join(" . ")} vmap @${maps.ways.name}`,
    expressions: [...matchFamily(maps.family), ...lookUpVerdict(fieldsOf(maps), maps.ways)],
  }));
}

function translateRules(): readonly LabelledRule[] {
  return MAPS.map((maps) => ({
    label: `dnat ${ADDRESS_FIELD[maps.family].destination.split(" ")[0]} to ${fieldsOf(maps).join(" . ")} map @${maps.targets.name}`,
    expressions: [...matchFamily(maps.family), ...dnatTo(maps.family, fieldsOf(maps), maps.targets)],
  }));
}

function fieldsOf({ family, hasAddress }: PortMaps): readonly Field[] {
  return hasAddress ? [ADDRESS_FIELD[family].destination, ...PORT_FIELDS] : PORT_FIELDS;
}

/**
 * Drops packets with loopback addresses from other links than `lo`. A mapping would forward them before the kernel checks for martians;
 * with route_localnet, whoever has set it, the kernel does not check, and the host's own services would be reachable (CVE-2020-8558). The
 * kernel drops ::1 earlier, except for bridged packets from br_netfilter. Answers to the host's own connections do not have loopback
 * addresses yet at this hook.
 */
function loopbackChain(): ChainRules {
  const hook = { number: NF_INET.PRE_ROUTING, priority: NF_IP_PRI.RAW };
  const rules = () => [
    { label: 'iif "lo" return', expressions: [...match("iif", u32.encode(LOOPBACK_IFINDEX)), RETURN] },
    ...([4, 6] as const).flatMap((family) => {
      const prefix = parsePrefix(LOOPBACK[family]);
      if (prefix === undefined) return [];
      const { source, destination } = ADDRESS_FIELD[family];
      return [
        { label: `${destination} ${LOOPBACK[family]} drop`, expressions: [...matchDestination(prefix), DROP] },
        { label: `${source} ${LOOPBACK[family]} drop`, expressions: [...matchSource(prefix), DROP] },
      ];
    }),
  ];
  return { name: "loopback", base: { type: "filter", hook }, rules };
}

function masqueradeChain(mark: number): ChainRules {
  const rules = () => [
    {
      label: `meta mark & ${formatMark(mark)} != 0 masquerade`,
      expressions: [...matchBits("meta mark", mark), MASQUERADE],
    },
  ];
  return natChain(`masquerade_${formatMark(mark)}`, NF_INET.POST_ROUTING, NF_IP_PRI.NAT_SRC, rules);
}

function natChain(name: string, number: number, priority: number, rules: ChainRules["rules"]): ChainRules {
  return { name, base: { type: "nat", hook: { number, priority } }, rules };
}

/** A name for subnets that the nft tool can parse, and the kernel accepts: a digest of the other subnets if they are many. */
function nameOf(subnets: readonly Prefix[]): string {
  const [first = "", ...others] = subnets.map((subnet) => formatPrefix(subnet).replaceAll(":", "-"));
  const rest = others.join("_");
  const ends = rest.length > MAX_OTHERS ? sha512(rest).slice(0, DIGEST_LENGTH) : rest;
  return ends === "" ? first : `${first}_${ends}`;
}

function sourcesNear(subnets: readonly Prefix[]): readonly (readonly Prefix[])[] {
  const loopback = subnets[0]?.address.family === 4 ? parsePrefix(LOOPBACK[4]) : undefined;
  return [...subnets.map((subnet) => [subnet]), ...(loopback === undefined ? [] : [[loopback]])];
}

function markFrom(source: Prefix | undefined, mark: number): LabelledRule {
  const set = `meta mark set meta mark | ${formatMark(mark)}`;
  if (source === undefined) return { label: set, expressions: setMark(mark) };
  const keyword = source.address.family === 4 ? "ip" : "ip6";
  const label = `${keyword} saddr ${formatAddress(source.address)}/${source.length} ${set}`;
  return { label, expressions: [...matchSource(source), ...setMark(mark)] };
}

function formatMark(mark: number): string {
  return `0x${mark.toString(16)}`;
}

function isFirst(chain: ChainRules, index: number, all: readonly ChainRules[]): boolean {
  return all.findIndex(({ name }) => name === chain.name) === index;
}
