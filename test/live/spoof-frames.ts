import { formatAddress } from "../../src/ip/address.ts";
import { linkLocalAddress } from "../../src/ip/link-local.ts";
import { address, arp, BROADCAST, carrying, ETHER, frame, icmp6, linkLayer, u16, udp } from "./frames.ts";

/** A container on the bridge, or its gateway. */
export interface Party {
  readonly mac: string;
  readonly ip: string;
  readonly ip6: string;
  /** The address that it gives itself on its link. */
  readonly local: string;
}

/** One frame that a container tries, and which checks let it through. */
export interface Try {
  readonly name: string;
  readonly frame: string;
  readonly mac: boolean;
  readonly strict: boolean;
}

const ALL = { mac: "33:33:00:00:00:01", ip6: "ff02::1" } as const;
const ROUTERS = { mac: "33:33:00:00:00:02", ip6: "ff02::2" } as const;
const NO_MAC = "00:00:00:00:00:00";

/** Types of ICMPv6. */
const RS = 133;
const RA = 134;
const NS = 135;
const NA = 136;
const REDIRECT = 137;
const MLD2 = 143;
const ECHO = { 4: 8, 6: 128 } as const;
const OVERRIDE = 0x20000000;

export function party(mac: string, ip: string, ip6: string): Party {
  return { mac, ip, ip6, local: formatAddress(linkLocalAddress(mac)) };
}

/** What `me` may send: every check lets it through. */
export function honest(me: Party, peer: Party): readonly Try[] {
  const { mac, ip, ip6, local } = me;
  const passing = { mac: true, strict: true };
  const to = (target: Party) => linkTo(me.mac, target.mac);
  const advert = (from: string) =>
    icmp6(NA, from, ALL.ip6, { flags: OVERRIDE, body: both(address(from), linkLayer(2, mac)) });
  const solicit = (from: string, target: string, options: Uint8Array = Buffer.alloc(0)) =>
    icmp6(NS, from, solicited(target).ip6, { body: both(address(target), options) });
  const report = (from: string) => icmp6(MLD2, from, "ff02::16", { before: ROUTER_ALERT });
  const dhcp = { ports: [68, 67], text: "discover" } as const;
  return [
    { name: "IPv4", frame: to(peer).ip(udp(ip, peer.ip)) },
    { name: "IPv4 to the broadcast address", frame: linkTo(mac, BROADCAST).ip(udp(ip, "10.88.0.255")) },
    { name: "IPv6", frame: to(peer).ip6(udp(ip6, peer.ip6)) },
    { name: "IPv6 of its link-local address", frame: to(peer).ip6(udp(local, peer.local)) },
    { name: "a question by ARP", frame: linkTo(mac, BROADCAST).arp(arp(1, [mac, ip], [NO_MAC, peer.ip])) },
    { name: "an answer by ARP", frame: to(peer).arp(arp(2, [mac, ip], [peer.mac, peer.ip])) },
    { name: "a gratuitous ARP of its address", frame: linkTo(mac, BROADCAST).arp(arp(1, [mac, ip], [BROADCAST, ip])) },
    { name: "a probe by ARP", frame: linkTo(mac, BROADCAST).arp(arp(1, [mac, "0.0.0.0"], [NO_MAC, ip])) },
    { name: "a neighbour advertisement", frame: linkTo(mac, ALL.mac).ip6(advert(ip6)) },
    { name: "one of its link-local address", frame: linkTo(mac, ALL.mac).ip6(advert(local)) },
    {
      name: "a neighbour solicitation",
      frame: linkTo(mac, solicited(peer.ip6).mac).ip6(solicit(ip6, peer.ip6, linkLayer(1, mac))),
    },
    { name: "duplicate address detection", frame: linkTo(mac, solicited(ip6).mac).ip6(solicit("::", ip6)) },
    { name: "that of its link-local address", frame: linkTo(mac, solicited(local).mac).ip6(solicit("::", local)) },
    {
      name: "a router solicitation",
      frame: linkTo(mac, ROUTERS.mac).ip6(icmp6(RS, local, ROUTERS.ip6, { body: linkLayer(1, mac) })),
    },
    { name: "one without an address", frame: linkTo(mac, ROUTERS.mac).ip6(icmp6(RS, "::", ROUTERS.ip6)) },
    { name: "a report of its groups", frame: linkTo(mac, "33:33:00:00:00:16").ip6(report(local)) },
    { name: "one without an address yet", frame: linkTo(mac, "33:33:00:00:00:16").ip6(report("::")) },
    {
      name: "a question for an address by DHCP",
      frame: linkTo(mac, BROADCAST).ip(udp("0.0.0.0", "255.255.255.255", dhcp)),
    },
    { name: "IPv4 with a tag", frame: linkTo(mac, peer.mac).tagged(ETHER.IP, udp(ip, peer.ip, { text: "tagged" })) },
    { name: "a neighbour solicitation that tells no MAC", frame: to(peer).ip6(solicit(ip6, peer.ip6)) },
    {
      name: "a neighbour advertisement that tells no MAC",
      frame: to(peer).ip6(icmp6(NA, ip6, peer.ip6, { body: address(ip6) })),
    },
    {
      name: "duplicate address detection with a nonce",
      frame: linkTo(mac, solicited(ip6).mac).ip6(solicit("::", ip6, Buffer.of(14, 1, 1, 2, 3, 4, 5, 6))),
    },
    ...[0x12, 0x16, 0x17, 0x22].map((type) => ({
      name: `a report of its IPv4 groups, type ${type}`,
      frame: linkTo(mac, "01:00:5e:00:00:16").ip(igmp(type, ip, "224.0.0.22")),
    })),
    ...[131, 132].map((type) => ({
      name: `a report of its groups, type ${type}`,
      frame: linkTo(mac, ALL.mac).ip6(icmp6(type, local, ALL.ip6, { before: ROUTER_ALERT, body: address("ff02::16") })),
    })),
    { name: "an echo request", frame: to(peer).ip(icmp(ECHO[4], ip, peer.ip)) },
    { name: "an error of ICMP", frame: to(peer).ip(icmp(3, ip, peer.ip)) },
    { name: "an echo request of IPv6", frame: to(peer).ip6(icmp6(ECHO[6], ip6, peer.ip6)) },
    { name: "an error of ICMPv6", frame: to(peer).ip6(icmp6(2, ip6, peer.ip6, { flags: 1400 })) },
    { name: "TCP", frame: to(peer).ip(carrying(ip, peer.ip, { protocol: 6, payload: Buffer.alloc(20, 0x50) })) },
    {
      name: "TCP of IPv6",
      frame: to(peer).ip6(carrying(ip6, peer.ip6, { protocol: 6, payload: Buffer.alloc(20, 0x50) })),
    },
    { name: "GRE", frame: to(peer).ip(carrying(ip, peer.ip, { protocol: 47, payload: Buffer.alloc(8) })) },
    { name: "ESP", frame: to(peer).ip6(carrying(ip6, peer.ip6, { protocol: 50, payload: Buffer.alloc(24) })) },
    {
      name: "UDP behind another header",
      frame: to(peer).ip6(carrying(ip6, peer.ip6, { protocol: 17, before: BEFORE_UDP, payload: DATAGRAM })),
    },
    {
      name: "a later fragment of UDP",
      frame: to(peer).ip6(fragment(ip6, peer.ip6, { next: 17, offset: 1448, more: false })),
    },
    { name: "a later fragment", frame: to(peer).ip6(fragment(ip6, peer.ip6, { next: 58, offset: 1448, more: false })) },
  ].map((each) => ({ ...each, ...passing }));
}

/** What it may not: in others' names, or as a router or a server. */
export function attacks(me: Party, peer: Party, gateway: Party): readonly Try[] {
  const { mac, ip, ip6, local } = me;
  const as = (sender: string) => linkTo(sender, BROADCAST);
  const all = linkTo(mac, ALL.mac);
  const advert = (from: string, target: string) =>
    icmp6(NA, from, ALL.ip6, { flags: OVERRIDE, body: both(address(target), linkLayer(2, mac)) });
  const router = { flags: 0x40000708, body: both(Buffer.alloc(8), linkLayer(1, mac)) };
  const byMac: readonly { name: string; frame: string }[] = [
    { name: "the MAC of another", frame: as(peer.mac).ip(udp(ip, peer.ip)) },
    { name: "the gateway's MAC", frame: as(gateway.mac).ip6(udp(ip6, peer.ip6)) },
    { name: "a MAC that is nobody's", frame: as("02:00:00:00:00:99").arp(arp(1, [mac, ip], [NO_MAC, peer.ip])) },
    { name: "the MAC of another, with a tag", frame: linkTo(peer.mac, BROADCAST).tagged(ETHER.IP, udp(ip, peer.ip)) },
  ];
  const byContent: readonly { name: string; frame: string }[] = [
    { name: "the IPv4 address of another", frame: as(mac).ip(udp(peer.ip, gateway.ip)) },
    { name: "the gateway's IPv4 address", frame: as(mac).ip(udp(gateway.ip, peer.ip)) },
    { name: "no IPv4 address", frame: as(mac).ip(udp("0.0.0.0", peer.ip)) },
    {
      name: "a probe by ARP for the address of another",
      frame: as(mac).arp(arp(1, [mac, "0.0.0.0"], [NO_MAC, peer.ip])),
    },
    { name: "the IPv6 address of another", frame: as(mac).ip6(udp(peer.ip6, gateway.ip6)) },
    { name: "the link-local address of another", frame: as(mac).ip6(udp(peer.local, gateway.local)) },
    { name: "no IPv6 address", frame: as(mac).ip6(udp("::", peer.ip6)) },
    { name: "an answer by ARP for another", frame: as(mac).arp(arp(2, [mac, gateway.ip], [peer.mac, peer.ip])) },
    { name: "a question by ARP for another", frame: as(mac).arp(arp(1, [mac, gateway.ip], [NO_MAC, peer.ip])) },
    { name: "a gratuitous ARP of another's address", frame: as(mac).arp(arp(1, [mac, peer.ip], [NO_MAC, peer.ip])) },
    { name: "an answer by ARP without an address", frame: as(mac).arp(arp(2, [mac, "0.0.0.0"], [peer.mac, peer.ip])) },
    { name: "another's MAC in ARP", frame: as(mac).arp(arp(2, [peer.mac, ip], [peer.mac, peer.ip])) },
    {
      name: "ARP of other lengths",
      frame: as(mac).arp(both(Buffer.from("000108000410", "hex"), arp(2, [mac, ip], [peer.mac, peer.ip]).subarray(6))),
    },
    { name: "ARP that is cut short", frame: as(mac).arp(arp(2, [mac, ip], [peer.mac, peer.ip]).subarray(0, 12)) },
    { name: "a neighbour advertisement for another", frame: all.ip6(advert(ip6, peer.ip6)) },
    { name: "one for the gateway", frame: all.ip6(advert(local, gateway.ip6)) },
    { name: "one for another's link-local address", frame: all.ip6(advert(local, peer.local)) },
    { name: "one in another's name", frame: all.ip6(advert(peer.ip6, peer.ip6)) },
    {
      name: "duplicate address detection of another's address",
      frame: all.ip6(icmp6(NS, "::", solicited(peer.ip6).ip6, { body: address(peer.ip6) })),
    },
    { name: "a router advertisement", frame: all.ip6(icmp6(RA, local, ALL.ip6, router)) },
    { name: "one in the gateway's name", frame: all.ip6(icmp6(RA, gateway.local, ALL.ip6, router)) },
    {
      name: "one behind an authentication header",
      frame: all.ip6(icmp6(RA, local, ALL.ip6, { ...router, before: AUTHENTICATION })),
    },
    {
      name: "one behind hop-by-hop options",
      frame: all.ip6(icmp6(RA, local, ALL.ip6, { ...router, before: ROUTER_ALERT })),
    },
    {
      name: "one that is a fragment and whole",
      frame: all.ip6(icmp6(RA, local, ALL.ip6, { ...router, before: ATOMIC })),
    },
    { name: "the first fragment of one", frame: all.ip6(icmp6(RA, local, ALL.ip6, { ...router, before: FIRST })) },
    {
      name: "one behind two headers",
      frame: all.ip6(
        icmp6(RA, local, ALL.ip6, {
          ...router,
          before: { type: 60, bytes: both(Buffer.from("3300010400000000", "hex"), AUTHENTICATION.bytes) },
        }),
      ),
    },
    ...asRouter(me),
    ...withOption(me, peer),
    {
      name: "one behind another header",
      frame: all.ip6(icmp6(RA, local, ALL.ip6, { ...router, before: DESTINATION_OPTIONS })),
    },
    { name: "one with a tag", frame: linkTo(mac, ALL.mac).tagged(ETHER.IP6, icmp6(RA, local, ALL.ip6, router)) },
    {
      name: "a fragment that hides what it is",
      frame: all.ip6(fragment(local, ALL.ip6, { next: 60, offset: 0, more: true })),
    },
    {
      name: "a redirect",
      frame: all.ip6(icmp6(REDIRECT, local, peer.ip6, { body: both(address(local), address(gateway.ip6)) })),
    },
    { name: "an offer by DHCP", frame: as(mac).ip(udp(ip, "255.255.255.255", { ports: [67, 68], text: "offer" })) },
    { name: "an advertisement by DHCPv6", frame: as(mac).ip6(udp(local, peer.local, { ports: [547, 546] })) },
    {
      name: "DHCP's question in another's name",
      frame: as(mac).ip(udp(peer.ip, "255.255.255.255", { ports: [68, 67] })),
    },
    { name: "another's IPv4 address, with a tag", frame: as(mac).tagged(ETHER.IP, udp(peer.ip, gateway.ip)) },
    {
      name: "the same with two tags",
      frame: as(mac).tagged(ETHER.VLAN, both(u16(7), u16(ETHER.IP), udp(peer.ip, gateway.ip))),
    },
    { name: "the same with a provider's tag", frame: as(mac).tagged(ETHER.IP, udp(peer.ip, gateway.ip), ETHER.QINQ) },
    {
      name: "ARP for another, with a tag",
      frame: as(mac).tagged(ETHER.ARP, arp(2, [mac, gateway.ip], [peer.mac, peer.ip])),
    },
    {
      name: "IPv4 in PPPoE",
      frame: frame(mac, BROADCAST, 0x8864, both(Buffer.from("1100000100230021", "hex"), udp(peer.ip, gateway.ip))),
    },
    {
      name: "IPv4 in 802.3 with SNAP",
      frame: frame(mac, BROADCAST, 46, both(Buffer.from("aaaa030000000800", "hex"), udp(peer.ip, gateway.ip))),
    },
    { name: "reverse ARP", frame: frame(mac, BROADCAST, ETHER.RARP, arp(1, [mac, ip], [mac, peer.ip])) },
    { name: "spanning tree", frame: frame(mac, "01:80:c2:00:00:00", 38, Buffer.from("4242030000000000", "hex")) },
  ];
  return [
    ...byMac.map((each) => ({ ...each, mac: false, strict: false })),
    ...byContent.map((each) => ({ ...each, mac: true, strict: false })),
  ];
}

/** What only routers say, besides. */
function asRouter({ mac, ip, local }: Party): readonly { name: string; frame: string }[] {
  const group = (last: string) => linkTo(mac, `01:00:5e:00:00:${last}`);
  const group6 = (last: string) => linkTo(mac, `33:33:00:00:00:${last}`);
  const of4 = (protocol: number, to: string, payload: Buffer, alert = false) =>
    carrying(ip, to, { protocol, payload, alert });
  const of6 = (protocol: number, to: string, payload: Buffer) => carrying(local, to, { protocol, payload });
  const any = Buffer.alloc(24, 1);
  const rip = { ports: [520, 520], text: "routes" } as const;
  return [
    { name: "a query of IGMP", frame: group("01").ip(igmp(0x11, ip, "224.0.0.1")) },
    { name: "one of IGMPv3", frame: group("01").ip(igmp(0x11, ip, "224.0.0.1", { size: 12 })) },
    { name: "one that routers are to look at", frame: group("01").ip(igmp(0x11, ip, "224.0.0.1", { alert: true })) },
    {
      name: "one behind an authentication header",
      frame: group("01").ip(
        of4(
          51,
          "224.0.0.1",
          both(Buffer.of(2, 4), AUTHENTICATION.bytes.subarray(2), Buffer.of(0x11, 0, 0, 0, 0, 0, 0, 0)),
        ),
      ),
    },
    ...[0x30, 0x31, 0x32].map((type) => ({
      name: `multicast router discovery, type ${type}`,
      frame: group("6a").ip(igmp(type, ip, "224.0.0.106")),
    })),
    { name: "DVMRP", frame: group("04").ip(igmp(0x13, ip, "224.0.0.4")) },
    { name: "PIM", frame: group("0d").ip(of4(103, "224.0.0.13", any)) },
    { name: "VRRP", frame: group("12").ip(of4(112, "224.0.0.18", any)) },
    { name: "OSPF", frame: group("05").ip(of4(89, "224.0.0.5", any)) },
    { name: "OSPF that routers are to look at", frame: group("05").ip(of4(89, "224.0.0.5", any, true)) },
    { name: "EIGRP", frame: group("0a").ip(of4(88, "224.0.0.10", any)) },
    { name: "RIP", frame: group("09").ip(udp(ip, "224.0.0.9", rip)) },
    { name: "RIP from another port", frame: group("09").ip(udp(ip, "224.0.0.9", { ports: [4000, 520] })) },
    ...([646, 698, 6696] as const).map((port) => ({
      name: `a routing protocol at UDP port ${port}`,
      frame: group("02").ip(udp(ip, "224.0.0.2", { ports: [port, port] })),
    })),
    { name: "HSRP", frame: group("02").ip(udp(ip, "224.0.0.2", { ports: [1985, 1985] })) },
    { name: "a router advertisement of ICMP", frame: group("01").ip(icmp(9, ip, "224.0.0.1")) },
    { name: "a redirect of ICMP", frame: linkTo(mac, BROADCAST).ip(icmp(5, ip, "10.88.0.255")) },
    { name: "a query of MLD", frame: group6("01").ip6(icmp6(130, local, ALL.ip6, { body: Buffer.alloc(16) })) },
    {
      name: "one that routers are to look at, of MLD",
      frame: group6("01").ip6(icmp6(130, local, ALL.ip6, { before: ROUTER_ALERT, body: Buffer.alloc(20) })),
    },
    ...[151, 152, 153].map((type) => ({
      name: `multicast router discovery of IPv6, type ${type}`,
      frame: group6("6a").ip6(icmp6(type, local, "ff02::6a", { before: ROUTER_ALERT })),
    })),
    { name: "router renumbering", frame: group6("01").ip6(icmp6(138, local, ALL.ip6, { body: Buffer.alloc(8) })) },
    { name: "PIM of IPv6", frame: group6("0d").ip6(of6(103, "ff02::d", any)) },
    { name: "VRRP of IPv6", frame: group6("12").ip6(of6(112, "ff02::12", any)) },
    { name: "OSPF of IPv6", frame: group6("05").ip6(of6(89, "ff02::5", any)) },
    { name: "RIPng", frame: group6("09").ip6(udp(local, "ff02::9", { ports: [521, 521] })) },
  ];
}

/** Neighbour discovery that tells another's MAC, or hides that it does. */
function withOption({ mac, ip6, local }: Party, peer: Party): readonly { name: string; frame: string }[] {
  const all = linkTo(mac, ALL.mac);
  const [source, target] = [linkLayer(1, peer.mac), linkLayer(2, peer.mac)];
  const nonce = Buffer.of(14, 1, 1, 2, 3, 4, 5, 6);
  const advert = (options: Uint8Array, more: object = {}) =>
    icmp6(NA, ip6, ALL.ip6, { flags: OVERRIDE, body: both(address(ip6), options), ...more });
  const solicit = (options: Uint8Array, more: object = {}) =>
    icmp6(NS, ip6, ALL.ip6, { body: both(address(peer.ip6), options), ...more });
  return [
    { name: "a neighbour advertisement with another's MAC", frame: all.ip6(advert(target)) },
    { name: "one with both MACs", frame: all.ip6(advert(both(linkLayer(2, mac), target))) },
    { name: "one with another's MAC behind something else", frame: all.ip6(advert(both(nonce, target))) },
    {
      name: "one with another's MAC behind another header",
      frame: all.ip6(advert(target, { before: DESTINATION_OPTIONS })),
    },
    { name: "one with another's MAC that is a fragment and whole", frame: all.ip6(advert(target, { before: ATOMIC })) },
    { name: "a neighbour solicitation with another's MAC", frame: all.ip6(solicit(source)) },
    { name: "a neighbour solicitation with both MACs", frame: all.ip6(solicit(both(linkLayer(1, mac), source))) },
    {
      name: "a neighbour solicitation with another's MAC behind another header",
      frame: all.ip6(solicit(source, { before: DESTINATION_OPTIONS })),
    },
    {
      name: "duplicate address detection with another's MAC",
      frame: all.ip6(icmp6(NS, "::", solicited(ip6).ip6, { body: both(address(ip6), source) })),
    },
    {
      name: "a router solicitation with another's MAC",
      frame: all.ip6(icmp6(RS, local, ROUTERS.ip6, { body: source })),
    },
    {
      name: "a router solicitation with another's MAC, in nobody's name",
      frame: all.ip6(icmp6(RS, "::", ROUTERS.ip6, { body: source })),
    },
  ];
}

/** A message of IGMP. RFC 9776 */
function igmp(type: number, from: string, to: string, { size = 8, alert = false } = {}): Buffer {
  const payload = both(Buffer.of(type, 0, 0, 0), Buffer.alloc(size - 4));
  return carrying(from, to, { protocol: 2, payload, alert });
}

/** A message of ICMP. RFC 792 */
function icmp(type: number, from: string, to: string): Buffer {
  return carrying(from, to, { protocol: 1, payload: both(Buffer.of(type, 0, 0, 0), Buffer.alloc(24)) });
}

const ROUTER_ALERT = { type: 0, bytes: Buffer.from("3a00050200000100", "hex") } as const;
const DESTINATION_OPTIONS = { type: 60, bytes: Buffer.from("3a00010400000000", "hex") } as const;
const BEFORE_UDP = { type: 60, bytes: Buffer.from("1100010400000000", "hex") } as const;
const DATAGRAM = Buffer.from("0fa00fa000080000", "hex");

/** An authentication header of 24 bytes, and headers of fragments: of one that is whole, and of the first of several. RFC 4302, RFC 8200 */
const AUTHENTICATION = {
  type: 51,
  bytes: Buffer.from("3a040000000001000000000100112233445566778899aabb", "hex"),
} as const;
const ATOMIC = { type: 44, bytes: Buffer.from("3a00000000000009", "hex") } as const;
const FIRST = { type: 44, bytes: Buffer.from("3a00000100000009", "hex") } as const;

function linkTo(from: string, to: string) {
  return {
    ip: (payload: Uint8Array) => frame(from, to, ETHER.IP, payload),
    ip6: (payload: Uint8Array) => frame(from, to, ETHER.IP6, payload),
    arp: (payload: Uint8Array) => frame(from, to, ETHER.ARP, payload),
    /** In VLAN 5. */
    tagged: (type: number, payload: Uint8Array, tag: number = ETHER.VLAN) =>
      frame(from, to, tag, both(u16(5), u16(type), payload)),
  };
}

/** The group that whoever has an address listens to. RFC 4291 */
function solicited(target: string): { mac: string; ip6: string } {
  const [a = 0, b = 0, c = 0] = address(target).subarray(13);
  const hex = (byte: number) => byte.toString(16).padStart(2, "0");
  return { mac: `33:33:ff:${hex(a)}:${hex(b)}:${hex(c)}`, ip6: `ff02::1:ff${hex(a)}:${hex(b)}${hex(c)}` };
}

/** A fragment with 8 bytes, which are an empty header of destination options that says that ICMPv6 is behind it. */
function fragment(
  from: string,
  to: string,
  { next, offset, more }: { next: number; offset: number; more: boolean },
): Buffer {
  const header = both(Buffer.of(next, 0), u16(offset | Number(more)), Buffer.of(0, 0, 0, 9));
  const content = both(header, DESTINATION_OPTIONS.bytes);
  return both(Buffer.of(0x60, 0, 0, 0), u16(content.length), Buffer.of(44, 255), address(from), address(to), content);
}

function both(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts);
}
