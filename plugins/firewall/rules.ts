import type { Family } from "../../src/ip/address.ts";
import { NF_BR, NF_BR_PRI, NF_INET, NF_IP_PRI } from "../../src/netfilter/nftables/chain.ts";
import { CT_STATE, IPS } from "../../src/netfilter/nftables/expression/ct.ts";
import { ADDRESS_FIELD } from "../../src/netfilter/nftables/field.ts";
import {
  lookUp,
  lookUpNot,
  lookUpVerdict,
  matchBits,
  matchEthernet,
  matchFamily,
} from "../../src/netfilter/nftables/match.ts";
import type { ChainRules, LabelledRule, RuleSet } from "../../src/netfilter/nftables/rule-set.ts";
import { typedSet } from "../../src/netfilter/nftables/set.ts";
import { ACCEPT, DROP, goTo, jump, RETURN } from "../../src/netfilter/nftables/statement.ts";
import { commented } from "../../src/netfilter/nftables/userdata.ts";
import { BRIDGES, CONTAINERS, ISOLATED, ISOLATING, MEMBERS, PAIRS } from "./sets.ts";
import type { Isolation } from "./subject.ts";
import { BRIDGE_TABLE, TABLE } from "./tables.ts";

const COMMENT = "Firewall of containers, by the CNI plugins";

/** The operator's chain. It is evaluated first and never changed. */
const ADMIN = "admin";

/** The chain for policies. Earlier versions had other rules, in chains with other names. */
const INGRESS = "ingress";
const INGRESS_WITHIN = "ingress_within";
const FORMER = { chains: ["isolation", "isolation_within"] };

const FAMILIES = [4, 6] as const;

/**
 * The rule set of table inet. A container costs set elements, which a packet finds by hash, so the number of containers slows neither
 * packets nor changes. With `isolation` it includes the chain of that bridge and policy.
 */
export function firewallRules(isolation: Isolation | undefined): RuleSet {
  return {
    table: { family: TABLE.family, name: TABLE.table, flags: 0, userdata: commented("table", COMMENT) },
    sets: [CONTAINERS[4], CONTAINERS[6], MEMBERS[4], MEMBERS[6], BRIDGES, PAIRS, ISOLATING].map(typedSet),
    chains: [
      { name: ADMIN, rules: () => [] },
      forward(),
      ingress(),
      ingressWithin(),
      ...(isolation === undefined ? [] : [policyChain(isolation)]),
    ],
    former: FORMER,
  };
}

/** The rule set of table inet without the operator's chain, for comparison. */
export function comparedRules(isolation: Isolation | undefined): RuleSet {
  const { chains, ...rest } = firewallRules(isolation);
  return { ...rest, chains: chains.filter(({ name }) => name !== ADMIN) };
}

/**
 * The rule set of table bridge. It drops every frame that a bridge forwards to an isolated container: unicast, multicast and broadcast.
 * Frames sent to the host pass, and so do packets that br_netfilter translated on the way: table inet filters both.
 */
export function bridgeRules(): RuleSet {
  const { ports, macs } = ISOLATED;
  return {
    table: { family: BRIDGE_TABLE.family, name: BRIDGE_TABLE.table, flags: 0, userdata: commented("table", COMMENT) },
    sets: [ports, macs].map(typedSet),
    chains: [
      bridgeChain("arriving", NF_BR.PRE_ROUTING, {
        label: `ether daddr @${macs.name} drop`,
        expressions: [...lookUp(["ether daddr"], macs), DROP],
      }),
      bridgeChain("leaving", NF_BR.FORWARD, {
        label: `oif @${ports.name} ether daddr != @${macs.name} drop`,
        expressions: [...lookUp(["oif"], ports), ...lookUpNot(["ether daddr"], macs), DROP],
      }),
    ],
  };
}

/** The number of rules in a policy's chain. */
export const POLICY_RULES = { "same-bridge": 0, isolated: 1 } as const;

/** The chain for a bridge's members with this policy. The kernel counts the references to it. */
export function policyChainName({ policy, link }: Isolation): string {
  // A name that the nft tool can parse.
  const isWord = /^[\w.-]+$/.test(link);
  return isWord ? `${policy}_${link}` : `${policy}.${new TextEncoder().encode(link).toHex()}`;
}

/** A chain that runs before br_netfilter. */
function bridgeChain(name: string, number: number, rule: LabelledRule): ChainRules {
  return { name, base: { type: "filter", hook: { number, priority: NF_BR_PRI.FILTER_BRIDGED } }, rules: () => [rule] };
}

function forward(): ChainRules {
  return {
    name: "forward",
    follows: INGRESS,
    base: { type: "filter", hook: { number: NF_INET.FORWARD, priority: NF_IP_PRI.FILTER } },
    rules: () => [
      { label: `jump ${ADMIN}`, expressions: [jump(ADMIN)] },
      { label: `jump ${INGRESS}`, expressions: [jump(INGRESS)] },
      ...FAMILIES.flatMap(acceptContainers),
    ],
  };
}

/** Accepts what a container sends, and the answers to it. Other tables may still drop it. */
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

/** A published port is a permission: packets that the host itself translated (DNAT) skip the policies. */
function ingress(): ChainRules {
  return {
    name: INGRESS,
    rules: () => [
      { label: "ct status dnat return", expressions: [...matchBits("ct status", IPS.DST_NAT), RETURN] },
      {
        label: `iifname . oifname @${PAIRS.name} goto ${INGRESS_WITHIN}`,
        expressions: [...lookUp(["iifname", "oifname"], PAIRS), goTo(INGRESS_WITHIN)],
      },
      {
        label: `iifname @${BRIDGES.name} oifname @${BRIDGES.name} drop`,
        expressions: [...lookUp(["iifname"], BRIDGES), ...lookUp(["oifname"], BRIDGES), DROP],
      },
    ],
  };
}

/**
 * Rules for packets that leave by the bridge they came from. If the host forwards between isolated containers, the destination may be in
 * no set, so packets sent to the gateway's MAC are dropped. What a bridge forwards itself has another MAC, and table bridge has already
 * filtered it.
 */
function ingressWithin(): ChainRules {
  return {
    name: INGRESS_WITHIN,
    with: INGRESS,
    rules: () => [
      ...FAMILIES.map((family) => {
        const { destination } = ADDRESS_FIELD[family];
        return {
          label: `oifname . ${destination} vmap @${MEMBERS[family].name}`,
          expressions: [...matchFamily(family), ...lookUpVerdict(["oifname", destination], MEMBERS[family])],
        };
      }),
      ...FAMILIES.map((family) => {
        const { destination } = ADDRESS_FIELD[family];
        return {
          label: `${destination} @${CONTAINERS[family].name} return`,
          expressions: [...matchFamily(family), ...lookUp([destination], CONTAINERS[family]), RETURN],
        };
      }),
      {
        label: `oifname . ether daddr @${ISOLATING.name} drop`,
        expressions: [...matchEthernet(), ...lookUp(["oifname", "ether daddr"], ISOLATING), DROP],
      },
    ],
  };
}

function policyChain(isolation: Isolation): ChainRules {
  const rules: readonly LabelledRule[] = [{ label: "drop", expressions: [DROP] }];
  return { name: policyChainName(isolation), rules: () => rules.slice(0, POLICY_RULES[isolation.policy]) };
}
