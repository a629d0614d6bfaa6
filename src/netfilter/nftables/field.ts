import { ADDRESS_BITS, type Family } from "../../ip/address.ts";
import { align } from "../../netlink/bytes.ts";
import { type Datatype, keyType } from "./datatype.ts";
import { NFT_CT } from "./expression/ct.ts";
import { IPPROTO_FRAGMENT } from "./expression/exthdr.ts";
import { NFT_FIB_RESULT, NFTA_FIB_F } from "./expression/fib.ts";
import { NFT_META } from "./expression/meta.ts";
import { NFT_PAYLOAD } from "./expression/payload.ts";
import { registerAt } from "./expression/register.ts";
import type { Expression } from "./expression.ts";

/** A part of a packet that a rule reads: its size in bytes, and how it is loaded into a register. */
interface Source {
  readonly size: number;
  readonly load: (register: number) => Expression;
}

const { LL_HEADER, NETWORK_HEADER, TRANSPORT_HEADER } = NFT_PAYLOAD;

/** The offset of the source address in an IP header. RFC 791, RFC 8200 */
const SOURCE_OFFSET = { 4: 12, 6: 8 } as const;

/** Fields by the nft tool's names. The header layouts are in RFC 791 (ip), 8200 (ip6, frag), 826 (arp), 768 and 9293 (th), 4861 (nd). */
const FIELD = {
  iif: fromMeta("iface_index", NFT_META.IIF),
  oif: fromMeta("iface_index", NFT_META.OIF),
  iifname: fromMeta("ifname", NFT_META.IIFNAME),
  oifname: fromMeta("ifname", NFT_META.OIFNAME),
  "meta nfproto": fromMeta("nf_proto", NFT_META.NFPROTO),
  "meta l4proto": fromMeta("inet_proto", NFT_META.L4PROTO),
  "meta iiftype": { size: 2, load: (dreg) => ({ name: "meta", data: { key: NFT_META.IIFTYPE, dreg } }) },
  "meta protocol": fromMeta("ether_type", NFT_META.PROTOCOL),
  "meta mark": fromMeta("mark", NFT_META.MARK),
  "ct state": fromConnection("ct_state", NFT_CT.STATE),
  "ct status": fromConnection("ct_status", NFT_CT.STATUS),
  "ct direction": fromConnection("ct_dir", NFT_CT.DIRECTION),
  "fib daddr type": fromRoute("fib_addrtype", { result: NFT_FIB_RESULT.ADDRTYPE, flags: NFTA_FIB_F.DADDR }),
  "ether daddr": fromPacket("ether_addr", { base: LL_HEADER, offset: 0 }),
  "ether saddr": fromPacket("ether_addr", { base: LL_HEADER, offset: 6 }),
  "ether type": fromPacket("ether_type", { base: LL_HEADER, offset: 12 }),
  // The offset of a fragment in its packet, in the lower 13 bits.
  "ip frag-off": fromBytes(2, { base: NETWORK_HEADER, offset: 6 }),
  "ip protocol": fromPacket("inet_proto", { base: NETWORK_HEADER, offset: 9 }),
  "ip saddr": fromPacket("ipv4_addr", { base: NETWORK_HEADER, offset: SOURCE_OFFSET[4] }),
  "ip daddr": fromPacket("ipv4_addr", { base: NETWORK_HEADER, offset: 16 }),
  "ip6 length": fromBytes(2, { base: NETWORK_HEADER, offset: 4 }),
  "ip6 nexthdr": fromPacket("inet_proto", { base: NETWORK_HEADER, offset: 6 }),
  "ip6 saddr": fromPacket("ipv6_addr", { base: NETWORK_HEADER, offset: SOURCE_OFFSET[6] }),
  "ip6 daddr": fromPacket("ipv6_addr", { base: NETWORK_HEADER, offset: 24 }),
  // The types and lengths of the addresses.
  "arp htype . ptype . hlen . plen": fromBytes(6, { base: NETWORK_HEADER, offset: 0 }),
  "arp operation": fromPacket("arp_op", { base: NETWORK_HEADER, offset: 6 }),
  "arp saddr ether": fromPacket("ether_addr", { base: NETWORK_HEADER, offset: 8 }),
  "arp saddr ip": fromPacket("ipv4_addr", { base: NETWORK_HEADER, offset: 14 }),
  "arp daddr ip": fromPacket("ipv4_addr", { base: NETWORK_HEADER, offset: 24 }),
  // The offset of a fragment in its packet, in the upper 13 bits.
  "frag frag-off": fromHeader(2, { type: IPPROTO_FRAGMENT, offset: 2 }),
  "th sport": fromPacket("inet_service", { base: TRANSPORT_HEADER, offset: 0 }),
  "th dport": fromPacket("inet_service", { base: TRANSPORT_HEADER, offset: 2 }),
  "icmp type": fromBytes(1, { base: TRANSPORT_HEADER, offset: 0 }),
  "igmp type": fromBytes(1, { base: TRANSPORT_HEADER, offset: 0 }),
  "icmpv6 type": fromPacket("icmpv6_type", { base: TRANSPORT_HEADER, offset: 0 }),
  "icmpv6 taddr": fromPacket("ipv6_addr", { base: TRANSPORT_HEADER, offset: 8 }),
  // The type and length of the first option of a neighbour discovery message, and the MAC in an option that carries one. In router
  // solicitations (rs) the options start earlier.
  "nd option": fromBytes(2, { base: TRANSPORT_HEADER, offset: 24 }),
  "nd option mac": fromPacket("ether_addr", { base: TRANSPORT_HEADER, offset: 26 }),
  "rs option": fromBytes(2, { base: TRANSPORT_HEADER, offset: 8 }),
  "rs option mac": fromPacket("ether_addr", { base: TRANSPORT_HEADER, offset: 10 }),
} as const satisfies Record<string, Source>;

/** A field that a rule can read of a packet, by the nft tool's name. Other rules must check the packet's protocol. */
export type Field = keyof typeof FIELD;

/** The field names of a packet's source and destination address. */
export const ADDRESS_FIELD = {
  4: { source: "ip saddr", destination: "ip daddr" },
  6: { source: "ip6 saddr", destination: "ip6 daddr" },
} as const satisfies Record<Family, Record<string, Field>>;

/** The offset and size in bytes of the source address in a network header. */
export function sourceField(family: Family): { readonly offset: number; readonly size: number } {
  return { offset: SOURCE_OFFSET[family], size: ADDRESS_BITS[family] / 8 };
}

/** Loads fields into the registers, starting with the first, in the layout of concatenate. */
export function load(fields: readonly Field[]): readonly Expression[] {
  let offset = 0;
  return fields.map((field) => {
    const { load: into, size } = FIELD[field];
    const expression = into(registerAt(offset));
    offset += align(size);
    return expression;
  });
}

function fromMeta(type: Datatype, key: number): Source {
  return { size: sizeOf(type), load: (dreg) => ({ name: "meta", data: { key, dreg } }) };
}

function fromConnection(type: Datatype, key: number): Source {
  return { size: sizeOf(type), load: (dreg) => ({ name: "ct", data: { key, dreg } }) };
}

function fromRoute(type: Datatype, { result, flags }: { result: number; flags: number }): Source {
  return { size: sizeOf(type), load: (dreg) => ({ name: "fib", data: { dreg, result, flags } }) };
}

function fromPacket(type: Datatype, { base, offset }: { base: number; offset: number }): Source {
  return fromBytes(sizeOf(type), { base, offset });
}

function fromBytes(size: number, { base, offset }: { base: number; offset: number }): Source {
  return { size, load: (dreg) => ({ name: "payload", data: { dreg, base, offset, length: size } }) };
}

function fromHeader(size: number, { type, offset }: { type: number; offset: number }): Source {
  return { size, load: (dreg) => ({ name: "exthdr", data: { dreg, type, offset, length: size } }) };
}

function sizeOf(type: Datatype): number {
  return keyType([type]).size;
}
