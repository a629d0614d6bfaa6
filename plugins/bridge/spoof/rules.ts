import { NF_BR, NF_BR_PRI } from "../../../src/netfilter/nftables/chain.ts";
import type { Expression } from "../../../src/netfilter/nftables/expression.ts";
import { ETH_P, IPPROTO, lookUpVerdict, match, matchProtocol } from "../../../src/netfilter/nftables/match.ts";
import type { ChainRules, LabelledRule, RuleSet } from "../../../src/netfilter/nftables/rule-set.ts";
import { typedSet } from "../../../src/netfilter/nftables/set.ts";
import { ACCEPT, DROP, goTo } from "../../../src/netfilter/nftables/statement.ts";
import { commented } from "../../../src/netfilter/nftables/userdata.ts";
import { u16be } from "../../../src/netlink/codec.ts";
import { ASKING, PORTS, SETS, TABLE } from "./elements.ts";
import { askingRules, icmp6Rules, nobodyRules } from "./icmp6.ts";
import { icmpRules, ip6Rules, ipRules, udpRules } from "./ip.ts";
import { carries, isFrom, isUdpFrom, isUnspecified, reports, rule } from "./match.ts";

const COMMENT = "What containers may send from, by the CNI plugins";

/** The chain that sees every frame on a bridge. */
export const ENTRY = "prerouting";

/** The first bytes of an ARP message for IPv4 on Ethernet, up to the operation of a request. RFC 826 */
const ARP_HEADER = Uint8Array.of(0, 1, 8, 0, 6, 4);
const ARP_REQUEST = 1;

/** UDP ports of DHCP clients and servers. RFC 2131 */
const DHCP = { client: 68, server: 67 } as const;

/** A chain that earlier versions do not have. If it is missing, the other chains are created again too. */
const NEWEST = ASKING;

const REFUSE: LabelledRule = { label: "drop", expressions: [DROP] };

/**
 * The rule set. A checked port costs its elements, which a frame finds by hash, so the number of ports does not slow frames down.
 * "strict" ends in `drop` for all other frames, such as truncated ones. The rules read what is behind a VLAN tag; no rule accepts what is
 * behind a second one.
 */
export function spoofRules(): RuleSet {
  const { family, table: name } = TABLE;
  const hook = { number: NF_BR.PRE_ROUTING, priority: NF_BR_PRI.NAT_DST_BRIDGED };
  const rules = () => [rule("iif vmap @ports", lookUpVerdict(["iif"], PORTS))];
  return {
    table: { family, name, flags: 0, userdata: commented("table", COMMENT) },
    sets: SETS.map(typedSet),
    chains: [
      { name: ENTRY, base: { type: "filter", hook }, follows: NEWEST, rules },
      { name: NEWEST, rules: askRules },
      chain("mac", () => [rule("iif . ether saddr @macs accept", isFrom("ether saddr"), ACCEPT)]),
      chain("strict", () => [rule("iif . ether saddr @macs goto content", isFrom("ether saddr"), goTo("content"))]),
      chain("content", contentRules),
      chain("ip_sender", ipRules),
      chain("ip6_sender", ip6Rules),
      chain("udp_sender", udpRules),
      chain("icmp_sender", icmpRules),
      chain("igmp_sender", () => reports("accept", ACCEPT)),
      chain("icmp6_sender", icmp6Rules),
      chain("icmp6_nobody", nobodyRules),
    ],
  };
}

/**
 * A container without an address may ask for one with DHCP. It may ask whether its own addresses are in use, and no others: whoever
 * asks for the same address at the same time would not use it.
 */
function contentRules(): readonly LabelledRule[] {
  const [ip, ip6] = [carries(ETH_P.IP), carries(ETH_P.IPV6)];
  const [words, own] = ["arp htype 1 arp ptype ip arp hlen 6 arp plen 4", "iif . arp saddr ether @macs"];
  const isDhcp = [...isUdpFrom(DHCP.client), ...match("th dport", u16be.encode(DHCP.server))];
  const isIcmp = matchProtocol(IPPROTO.ICMPV6);
  return [
    rule("iif . ip saddr @addresses4 goto ip_sender", ip, isFrom("ip saddr"), goTo("ip_sender")),
    rule("iif . ip6 saddr @addresses6 goto ip6_sender", ip6, isFrom("ip6 saddr"), goTo("ip6_sender")),
    rule(
      `${words} ${own} iif . arp saddr ip @addresses4 accept`,
      isArp(),
      isFrom("arp saddr ether"),
      isFrom("arp saddr ip"),
      ACCEPT,
    ),
    rule(`${PROBE} iif . arp daddr ip @addresses4 accept`, isProbe(), isFrom("arp daddr ip"), ACCEPT),
    rule("ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept", ip, isUnspecified("ip saddr"), isDhcp, ACCEPT),
    rule(
      "ip6 saddr :: meta l4proto ipv6-icmp goto icmp6_nobody",
      ip6,
      isUnspecified("ip6 saddr"),
      isIcmp,
      goTo("icmp6_nobody"),
    ),
  ];
}

/** Before the container has addresses, its IPAM plugin may ask whether any address is in use. */
function askRules(): readonly LabelledRule[] {
  return [
    rule(`${PROBE} iif . ether saddr @macs accept`, isProbe(), isFrom("ether saddr"), ACCEPT),
    ...askingRules(),
    rule("goto strict", goTo("strict")),
  ];
}

const PROBE =
  "arp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp operation request iif . arp saddr ether @macs arp saddr ip 0.0.0.0";

/** Matches ARP probes from the container's MAC. RFC 5227, 1.1 */
function isProbe(): readonly Expression[] {
  const asks = match("arp operation", u16be.encode(ARP_REQUEST));
  return [...isArp(), ...asks, ...isFrom("arp saddr ether"), ...isUnspecified("arp saddr ip")];
}

function isArp(): readonly Expression[] {
  return [...carries(ETH_P.ARP), ...match("arp htype . ptype . hlen . plen", ARP_HEADER)];
}

/** A chain that drops the frames that its rules do not accept. */
function chain(name: string, rules: () => readonly LabelledRule[]): ChainRules {
  return { name, with: NEWEST, rules: () => [...rules(), REFUSE] };
}
