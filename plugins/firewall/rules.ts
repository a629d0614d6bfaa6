import type { Family } from "../../src/ip/address.ts";
import { NF_BR, NF_BR_PRI, NF_INET, NF_IP_PRI } from "../../src/netfilter/nftables/chain.ts";
import { CT_STATE } from "../../src/netfilter/nftables/expression/ct.ts";
import { ADDRESS_FIELD } from "../../src/netfilter/nftables/field.ts";
import { ETH_P, lookUp, lookUpVerdict, match, matchBits, matchFamily } from "../../src/netfilter/nftables/match.ts";
import type { ChainRules, LabelledRule, RuleSet } from "../../src/netfilter/nftables/rule-set.ts";
import { type SetSpec, typedSet } from "../../src/netfilter/nftables/set.ts";
import { ACCEPT, DROP, goTo, jump } from "../../src/netfilter/nftables/statement.ts";
import { commented } from "../../src/netfilter/nftables/userdata.ts";
import { u16be } from "../../src/netlink/codec.ts";
import type { Isolation } from "./subject.ts";
import { BRIDGE_TABLE, TABLE } from "./tables.ts";

const COMMENT = "Firewall of containers, by the CNI plugins";

/** Looked at before all else, and never changed. */
const ADMIN = "admin";

/** Containers' addresses. What is in here is known by its comment, so that the other firewalls' rules are found again. */
export const CONTAINERS = {
  4: { ...TABLE, name: "containers4", key: ["ipv4_addr"], id: 1 },
  6: { ...TABLE, name: "containers6", key: ["ipv6_addr"], id: 2 },
} as const satisfies Record<Family, SetSpec>;

/** From a bridge and the address of a container behind it to what its policy says of others behind the same. */
export const MEMBERS = {
  4: { ...TABLE, name: "members4", key: ["ifname", "ipv4_addr"], data: "verdict", id: 3 },
  6: { ...TABLE, name: "members6", key: ["ifname", "ipv6_addr"], data: "verdict", id: 4 },
} as const satisfies Record<Family, SetSpec>;

/** Bridges that have members: each once, and once as a pair with itself, for rules cannot compare two names. */
export const BRIDGES: SetSpec = { ...TABLE, name: "bridges", key: ["ifname"], id: 5 };
export const PAIRS: SetSpec = { ...TABLE, name: "same_bridge", key: ["ifname", "ifname"], id: 6 };

/** Addresses of containers that others behind the same bridge may not reach. */
export const ISOLATED = {
  4: { ...BRIDGE_TABLE, name: "isolated4", key: ["ipv4_addr"], id: 7 },
  6: { ...BRIDGE_TABLE, name: "isolated6", key: ["ipv6_addr"], id: 8 },
} as const satisfies Record<Family, SetSpec>;

const FAMILIES = [4, 6] as const;

/**
 * The rule set of table inet. A container costs elements of sets, which a packet finds by hash: neither packets nor changes get slower
 * with the number of containers. With `isolation` it has the chain of that bridge and policy too.
 */
export function firewallRules(isolation: Isolation | undefined): RuleSet {
  return {
    table: { family: TABLE.family, name: TABLE.table, flags: 0, userdata: commented("table", COMMENT) },
    sets: [CONTAINERS[4], CONTAINERS[6], MEMBERS[4], MEMBERS[6], BRIDGES, PAIRS].map(typedSet),
    chains: [
      { name: ADMIN, rules: () => [] },
      forward(),
      isolationBetween(),
      isolationWithin(),
      ...(isolation === undefined ? [] : [policyChain(isolation)]),
    ],
  };
}

/** The same without what is the operator's, for comparison. */
export function comparedRules(isolation: Isolation | undefined): RuleSet {
  const { chains, ...rest } = firewallRules(isolation);
  return { ...rest, chains: chains.filter(({ name }) => name !== ADMIN) };
}

/** The rule set of table bridge. */
export function bridgeRules(): RuleSet {
  return {
    table: { family: BRIDGE_TABLE.family, name: BRIDGE_TABLE.table, flags: 0, userdata: commented("table", COMMENT) },
    sets: [ISOLATED[4], ISOLATED[6]].map(typedSet),
    chains: [
      {
        name: "forward",
        base: { type: "filter", hook: { number: NF_BR.FORWARD, priority: NF_BR_PRI.FILTER_BRIDGED } },
        rules: () =>
          FAMILIES.map((family) => ({
            label: `${WORD[family]} daddr @isolated${family} drop`,
            expressions: [
              ...match("meta protocol", u16be.encode(ETHER_TYPE[family])),
              ...lookUp([ADDRESS_FIELD[family].destination], ISOLATED[family]),
              DROP,
            ],
          })),
      },
    ],
  };
}

/** How many rules of its own a policy's chain has. */
export const POLICY_RULES = { "same-bridge": 0, isolated: 1 } as const;

/** The chain that members with a policy behind a bridge go to; how many go to it, the kernel counts. */
export function policyChainName({ policy, link }: Isolation): string {
  // A name that the nft tool reads.
  const isWord = /^[\w.-]+$/.test(link);
  return isWord ? `${policy}_${link}` : `${policy}.${new TextEncoder().encode(link).toHex()}`;
}

const WORD = { 4: "ip", 6: "ip6" } as const;

const ETHER_TYPE = { 4: ETH_P.IP, 6: ETH_P.IPV6 } as const;

function forward(): ChainRules {
  return {
    name: "forward",
    base: { type: "filter", hook: { number: NF_INET.FORWARD, priority: NF_IP_PRI.FILTER } },
    rules: () => [
      { label: `jump ${ADMIN}`, expressions: [jump(ADMIN)] },
      { label: "jump isolation", expressions: [jump("isolation")] },
      ...FAMILIES.flatMap(acceptContainers),
    ],
  };
}

/** What a container sends, and the answers to it. Other tables may still drop it. */
function acceptContainers(family: Family): readonly LabelledRule[] {
  const set = CONTAINERS[family];
  const { source, destination } = ADDRESS_FIELD[family];
  return [
    {
      label: `${destination} @${set.name} ct state established,related accept`,
      expressions: [
        ...matchFamily(family),
        ...lookUp([destination], set),
        ...matchBits("ct state", CT_STATE.ESTABLISHED | CT_STATE.RELATED),
        ACCEPT,
      ],
    },
    {
      label: `${source} @${set.name} accept`,
      expressions: [...matchFamily(family), ...lookUp([source], set), ACCEPT],
    },
  ];
}

function isolationBetween(): ChainRules {
  return {
    name: "isolation",
    rules: () => [
      {
        label: `iifname . oifname @${PAIRS.name} goto isolation_within`,
        expressions: [...lookUp(["iifname", "oifname"], PAIRS), goTo("isolation_within")],
      },
      {
        label: `iifname @${BRIDGES.name} oifname @${BRIDGES.name} drop`,
        expressions: [...lookUp(["iifname"], BRIDGES), ...lookUp(["oifname"], BRIDGES), DROP],
      },
    ],
  };
}

function isolationWithin(): ChainRules {
  return {
    name: "isolation_within",
    rules: () =>
      FAMILIES.map((family) => {
        const { destination } = ADDRESS_FIELD[family];
        return {
          label: `oifname . ${destination} vmap @${MEMBERS[family].name}`,
          expressions: [...matchFamily(family), ...lookUpVerdict(["oifname", destination], MEMBERS[family])],
        };
      }),
  };
}

function policyChain(isolation: Isolation): ChainRules {
  const rules: readonly LabelledRule[] = [{ label: "drop", expressions: [DROP] }];
  return { name: policyChainName(isolation), rules: () => rules.slice(0, POLICY_RULES[isolation.policy]) };
}
