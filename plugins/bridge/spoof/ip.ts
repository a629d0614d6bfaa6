import { IPPROTO, matchProtocol } from "../../../src/netfilter/nftables/match.ts";
import type { LabelledRule } from "../../../src/netfilter/nftables/rule-set.ts";
import { ACCEPT, DROP, goTo } from "../../../src/netfilter/nftables/statement.ts";
import { has, isUdpFrom, isUdpTo, laterFragment, rule, saysOf4 } from "./match.ts";

/** UDP ports of DHCP and DHCPv6 servers. RFC 2131, RFC 8415 */
const SERVERS = [67, 547] as const;

/**
 * UDP ports of RIP and RIPng, and of other router protocols: LDP, OLSR, HSRP and HSRP for IPv6, GLBP, Babel. RFC 2453, RFC 2080, IANA's
 * list
 */
const RIP = [520, 521] as const;
const ROUTERS = [646, 698, 1985, 2029, 3222, 6696] as const;

/**
 * Protocols that only routers use: IGRP, EIGRP, OSPF, PIM, VRRP. And protocols that hide another protocol behind their header, where no
 * rule can read it: AH, IPComp, Shim6. https://www.iana.org/assignments/protocol-numbers
 */
const REFUSED = [9, 88, 89, IPPROTO.PIM, 112, IPPROTO.AH, IPPROTO.COMP, 140] as const;

/** Rules for what a container may send over IPv4, and what only routers may. TCP is first: most packets are TCP. */
export function ipRules(): readonly LabelledRule[] {
  return [
    rule("meta l4proto tcp accept", matchProtocol(IPPROTO.TCP), ACCEPT),
    rule("meta l4proto udp goto udp_sender", matchProtocol(IPPROTO.UDP), goTo("udp_sender")),
    rule("meta l4proto icmp goto icmp_sender", matchProtocol(IPPROTO.ICMP), goTo("icmp_sender")),
    rule("meta l4proto igmp goto igmp_sender", matchProtocol(IPPROTO.IGMP), goTo("igmp_sender")),
    ...otherProtocols(),
  ];
}

/** Rules for what a container may send over IPv6, and what only routers may. */
export function ip6Rules(): readonly LabelledRule[] {
  return [
    rule("meta l4proto tcp accept", matchProtocol(IPPROTO.TCP), ACCEPT),
    rule("meta l4proto udp goto udp_sender", matchProtocol(IPPROTO.UDP), goTo("udp_sender")),
    rule("meta l4proto ipv6-icmp goto icmp6_sender", matchProtocol(IPPROTO.ICMPV6), goTo("icmp6_sender")),
    ...otherProtocols(),
    laterFragment(6),
  ];
}

/** Rules for other protocols. A packet whose headers hide its protocol does not have this field. */
function otherProtocols(): readonly LabelledRule[] {
  return [
    ...REFUSED.map((protocol) => rule(`meta l4proto ${protocol} drop`, matchProtocol(protocol), DROP)),
    rule("meta l4proto & 0 == 0 accept", has("meta l4proto"), ACCEPT),
  ];
}

/** A container must not hand out addresses (DHCP) or routes. */
export function udpRules(): readonly LabelledRule[] {
  return [
    ...[...SERVERS, ...RIP].map((port) => rule(`udp sport ${port} drop`, isUdpFrom(port), DROP)),
    ...[...RIP, ...ROUTERS].map((port) => rule(`udp dport ${port} drop`, isUdpTo(port), DROP)),
    rule("th dport & 0 == 0 accept", has("th dport"), ACCEPT),
    laterFragment(4),
    laterFragment(6),
  ];
}

/** A container must not redirect others with ICMP. */
export function icmpRules(): readonly LabelledRule[] {
  return [
    saysOf4("router-advertisement", "drop", DROP),
    saysOf4("redirect", "drop", DROP),
    rule("icmp type & 0 == 0 accept", has("icmp type"), ACCEPT),
    laterFragment(4),
  ];
}
