import { sha512 } from "#digest";
import type { Address } from "../../ip/address.ts";
import { decodeAddress, encodeAddress, type Family } from "../../ip/address.ts";
import { formatPrefix, network, type Prefix, parsePrefix } from "../../ip/prefix.ts";
import { type ChainKey, NF_INET, NF_IP_PRI } from "../../netfilter/nftables/chain.ts";
import { NFT } from "../../netfilter/nftables/data.ts";
import type { Element } from "../../netfilter/nftables/element.ts";
import { lookUpSource, matchDestination } from "../../netfilter/nftables/match.ts";
import type { ChainRules, RuleSet } from "../../netfilter/nftables/rule-set.ts";
import { type SetSpec, typedSet } from "../../netfilter/nftables/set.ts";
import { MASQUERADE, RETURN } from "../../netfilter/nftables/statement.ts";
import { commented, findComment } from "../../netfilter/nftables/userdata.ts";
import { type OwnedElement, ownedElement } from "../../netfilter/owned-elements.ts";
import type { Attachment } from "../../netfilter/owner.ts";
import { OWN_TABLES } from "../../netfilter/tables.ts";

export const TABLE = OWN_TABLES.masquerade;

const COMMENT = "Masquerading of containers' traffic, by the CNI plugins";

/** The maps from a container's address to the chain of its subnet; `id` names them inside a transaction. */
export const SOURCES = {
  4: { ...TABLE, name: "sources4", key: ["ipv4_addr"], data: "verdict", id: 1 },
  6: { ...TABLE, name: "sources6", key: ["ipv6_addr"], data: "verdict", id: 2 },
} as const satisfies Record<Family, SetSpec>;

/** Multicast addresses. A packet to them keeps its source, as with the reference plugins. */
const MULTICAST = ["224.0.0.0/4", "ff00::/8"] as const;

const POSTROUTING_RULES = [
  ...MULTICAST.map(parsePrefix).flatMap((prefix) => (prefix === undefined ? [] : [returnTo(prefix)])),
  { label: "ip saddr vmap @sources4", expressions: lookUpSource(4, SOURCES[4]) },
  { label: "ip6 saddr vmap @sources6", expressions: lookUpSource(6, SOURCES[6]) },
];

const POSTROUTING: ChainRules = {
  name: "postrouting",
  base: { type: "nat", hook: { number: NF_INET.POST_ROUTING, priority: NF_IP_PRI.NAT_SRC } },
  rules: () => POSTROUTING_RULES,
};

/** How many rules the chain of a subnet has. */
export const SUBNET_RULES = 2;

/** The number of hexadecimal SHA-512 digits that stand for a list of prefixes in a chain's name. */
const LIST_DIGITS = 8;

/** The masquerading of one attachment. */
export interface Wanted {
  readonly owner: Attachment;
  /** The container's addresses, each with the length of its subnet. */
  readonly prefixes: readonly Prefix[];
  /** Other destinations, of either family, to which packets keep their source. Default: none. */
  readonly keep?: readonly Prefix[];
}

/** One address that is masqueraded. */
export interface Masqueraded {
  readonly address: Address;
  /** Packets to this subnet keep their source. Undefined if the element was not made by a plugin. */
  readonly subnet: Prefix | undefined;
  /** The chain that the address goes to. */
  readonly chain: string;
  /** Begins with ownerKey of the attachment that it belongs to. */
  readonly comment: string;
}

/**
 * The rule set for containers of these subnets. Packets to their own subnet and to `keep` keep their source. Each container is
 * one element of a map with hash lookup, so the number of containers does not slow packets or changes down.
 */
export function masqueradeRules(subnets: readonly Prefix[], keep: readonly Prefix[] = []): RuleSet {
  const chains = new Map(subnets.map((subnet) => [subnetChain(subnet, keep).name, subnetRules(subnet, keep)]));
  return {
    table: { family: TABLE.family, name: TABLE.table, flags: 0, userdata: commented("table", COMMENT) },
    sets: [typedSet(SOURCES[4]), typedSet(SOURCES[6])],
    chains: [POSTROUTING, ...chains.values()],
  };
}

/**
 * The chain for the addresses of a prefix's subnet. Each `keep` list has its own chain, because networks may share a subnet and
 * a configuration may change. The name has no colon, so the nft tool can read it.
 */
export function subnetChain(prefix: Prefix, keep: readonly Prefix[] = []): ChainKey {
  const list = keptBy(prefix, keep).map(formatPrefix);
  const suffix = list.length === 0 ? "" : `_${sha512(list.join(" ")).slice(0, LIST_DIGITS)}`;
  return { ...TABLE, name: `to_${formatPrefix(network(prefix)).replaceAll(":", "-")}${suffix}` };
}

/** Whether the name of a subnet's chain says that it has the rules of a `keep` list besides SUBNET_RULES. */
export function hasList(chain: string): boolean {
  return /_[0-9a-f]+$/.test(chain);
}

/** The element for one container's address, with the prefix length of its subnet. */
export function encodeMasqueraded(prefix: Prefix, { owner, keep }: Omit<Wanted, "prefixes">): OwnedElement {
  return ownedElement(owner, SOURCES[prefix.address.family], {
    key: [encodeAddress(prefix.address)],
    data: { verdict: { code: NFT.GOTO, chain: subnetChain(prefix, keep).name } },
  });
}

/** Reads an element of the maps in SOURCES. @throws RangeError if its key is not an address */
export function decodeMasqueraded({ key, data, userdata }: Element): Masqueraded {
  const chain = data?.verdict?.chain ?? "";
  return {
    address: decodeAddress(key?.value ?? new Uint8Array()),
    subnet: parseSubnet(chain),
    chain,
    comment: findComment("element", userdata) ?? "",
  };
}

function subnetRules(subnet: Prefix, keep: readonly Prefix[]): ChainRules {
  return {
    name: subnetChain(subnet, keep).name,
    rules: () => [
      ...[network(subnet), ...keptBy(subnet, keep)].map(returnTo),
      { label: "masquerade", expressions: [MASQUERADE] },
    ],
  };
}

/** The networks of `keep` that are of the prefix's family and are not its own network, without duplicates and sorted. */
function keptBy(prefix: Prefix, keep: readonly Prefix[]): readonly Prefix[] {
  const own = formatPrefix(network(prefix));
  const others = keep.filter(({ address }) => address.family === prefix.address.family).map(network);
  const byText = new Map(others.map((each) => [formatPrefix(each), each]));
  return [...byText]
    .filter(([text]) => text !== own)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, each]) => each);
}

function returnTo(prefix: Prefix) {
  const keyword = prefix.address.family === 4 ? "ip" : "ip6";
  return {
    label: `${keyword} daddr ${formatPrefix(prefix)} return`,
    expressions: [...matchDestination(prefix), RETURN],
  };
}

function parseSubnet(chain: string): Prefix | undefined {
  const [, text] = /^to_([^_]+)/.exec(chain) ?? [];
  return text === undefined ? undefined : parsePrefix(text.replaceAll("-", ":"));
}
