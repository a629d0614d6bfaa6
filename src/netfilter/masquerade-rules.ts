import type { Address } from "../ip/address.ts";
import { decodeAddress, encodeAddress, type Family } from "../ip/address.ts";
import { formatPrefix, network, type Prefix, parsePrefix } from "../ip/prefix.ts";
import { NFPROTO } from "../netlink/nfnetlink.ts";
import { type ChainKey, NF_INET, NF_IP_PRI } from "./nftables/chain.ts";
import { NFT } from "./nftables/data.ts";
import type { Element } from "./nftables/element.ts";
import { lookUpSource, matchDestination } from "./nftables/match.ts";
import type { ChainRules, RuleSet } from "./nftables/rule-set.ts";
import { type SetSpec, typedSet } from "./nftables/set.ts";
import { MASQUERADE, RETURN } from "./nftables/statement.ts";
import { commented, findComment } from "./nftables/userdata.ts";
import { type OwnedElement, ownedElement } from "./owned-elements.ts";
import type { Owner } from "./owner.ts";

/** The table is ours alone: the reference plugins flush theirs, `cni_plugins_masquerade`, at every ADD. */
export const TABLE = { family: NFPROTO.INET, table: "cni_masquerade" } as const;

const COMMENT = "Masquerading of containers' traffic, by the CNI plugins";

/** The maps from a container's address to the chain of its subnet; `id` names them inside a transaction. */
export const SOURCES = {
  4: { ...TABLE, name: "sources4", key: ["ipv4_addr"], data: "verdict", id: 1 },
  6: { ...TABLE, name: "sources6", key: ["ipv6_addr"], data: "verdict", id: 2 },
} as const satisfies Record<Family, SetSpec>;

/** Addresses of many: a packet to them keeps its source, as the reference plugins have it. */
const MULTICAST = ["224.0.0.0/4", "ff00::/8"] as const;

/** How many rules the chain of a subnet has. */
export const SUBNET_RULES = 2;

/** One address that is masqueraded. */
export interface Masqueraded {
  readonly address: Address;
  /** Destinations inside keep the source; undefined for an element that nobody but a person can have made. */
  readonly subnet: Prefix | undefined;
  /** Begins with ownerKey of the attachment that it belongs to. */
  readonly comment: string;
}

/**
 * The rule set for containers of these subnets. A container costs an element of a map, which a packet finds by hash:
 * neither packets nor changes get slower with the number of containers.
 */
export function masqueradeRules(subnets: readonly Prefix[]): RuleSet {
  const chains = new Map(subnets.map((subnet) => [subnetChain(subnet).name, subnetRules(subnet)]));
  return {
    table: { family: TABLE.family, name: TABLE.table, flags: 0, userdata: commented("table", COMMENT) },
    sets: [typedSet(SOURCES[4]), typedSet(SOURCES[6])],
    chains: [postrouting(), ...chains.values()],
  };
}

/** The chain that the addresses of a prefix's subnet go to. Its name is one that the nft tool reads: no colon. */
export function subnetChain(prefix: Prefix): ChainKey {
  return { ...TABLE, name: `to_${formatPrefix(network(prefix)).replaceAll(":", "-")}` };
}

/** The element for one container's address, with the prefix length of its subnet. */
export function encodeMasqueraded({ address, length }: Prefix, owner: Owner): OwnedElement {
  return ownedElement(owner, SOURCES[address.family], {
    key: [encodeAddress(address)],
    data: { verdict: { code: NFT.GOTO, chain: subnetChain({ address, length }).name } },
  });
}

/** The mirror image. @throws RangeError when the key is no address */
export function decodeMasqueraded({ key, data, userdata }: Element): Masqueraded {
  return {
    address: decodeAddress(key?.value ?? new Uint8Array()),
    subnet: parseSubnet(data?.verdict?.chain ?? ""),
    comment: findComment("element", userdata) ?? "",
  };
}

function postrouting(): ChainRules {
  return {
    name: "postrouting",
    base: { type: "nat", hook: { number: NF_INET.POST_ROUTING, priority: NF_IP_PRI.NAT_SRC } },
    rules: () => [
      ...MULTICAST.map(parsePrefix).flatMap((prefix) => (prefix === undefined ? [] : [returnTo(prefix)])),
      { label: "ip saddr vmap @sources4", expressions: lookUpSource(4, SOURCES[4]) },
      { label: "ip6 saddr vmap @sources6", expressions: lookUpSource(6, SOURCES[6]) },
    ],
  };
}

function subnetRules(subnet: Prefix): ChainRules {
  return {
    name: subnetChain(subnet).name,
    rules: () => [returnTo(network(subnet)), { label: "masquerade", expressions: [MASQUERADE] }],
  };
}

function returnTo(prefix: Prefix) {
  const keyword = prefix.address.family === 4 ? "ip" : "ip6";
  return {
    label: `${keyword} daddr ${formatPrefix(prefix)} return`,
    expressions: [...matchDestination(prefix), RETURN],
  };
}

function parseSubnet(chain: string): Prefix | undefined {
  return chain.startsWith("to_") ? parsePrefix(chain.slice("to_".length).replaceAll("-", ":")) : undefined;
}
