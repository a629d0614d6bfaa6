import { encodeAddress, type Family } from "../../ip/address.ts";
import { network, type Prefix } from "../../ip/prefix.ts";
import { u8, u16, u32 } from "../../netlink/codec.ts";
import { NFPROTO } from "../../netlink/nfnetlink.ts";
import { RTN } from "../../netlink/route/header.ts";
import { NFT_CMP } from "./expression/cmp.ts";
import { NFT_LOOKUP_F } from "./expression/lookup.ts";
import { NFT_REG } from "./expression/register.ts";
import type { Expression } from "./expression.ts";
import { ADDRESS_FIELD, type Field, load } from "./field.ts";

/** A set as a rule refers to it. `id` is its number in a transaction. */
export interface SetName {
  readonly name: string;
  readonly id: number;
}

/** Protocol numbers. <linux/in.h> <linux/in6.h> */
export const IPPROTO = {
  ICMP: 1,
  IGMP: 2,
  TCP: 6,
  UDP: 17,
  AH: 51,
  ICMPV6: 58,
  PIM: 103,
  COMP: 108,
  SCTP: 132,
} as const;

/** Ethernet frame types. <linux/if_ether.h> */
export const ETH_P = { IP: 0x0800, ARP: 0x0806, IPV6: 0x86dd } as const;

/** The type of Ethernet links. <linux/if_arp.h> */
const ARPHRD_ETHER = 1;

const NF_FAMILY = { 4: NFPROTO.IPV4, 6: NFPROTO.IPV6 } as const;

/** Matches if the field has the value, like `FIELD VALUE`. */
export function match(field: Field, value: Uint8Array): readonly Expression[] {
  return [...load([field]), compare(NFT_CMP.EQ, value)];
}

/** Matches if the field has the value in the bits of the mask, like `FIELD & MASK == VALUE`. */
export function matchMasked(field: Field, bits: { mask: Uint8Array; value: Uint8Array }): readonly Expression[] {
  return [...load([field]), maskRegister(bits.mask), compare(NFT_CMP.EQ, bits.value)];
}

/** Matches if the field has at least one of these bits, like `FIELD & BITS != 0`. */
export function matchAnyBit(field: Field, bits: Uint8Array): readonly Expression[] {
  return [...load([field]), maskRegister(bits), compare(NFT_CMP.NEQ, new Uint8Array(bits.length))];
}

/** Matches if a field in host byte order has at least one of these bits, like `ct state established,related`. */
export function matchBits(field: "ct state" | "ct status" | "meta mark", bits: number): readonly Expression[] {
  return matchAnyBit(field, u32.encode(bits));
}

/** Matches packets of a family, like `meta nfproto ipv4`, for tables of family inet. */
export function matchFamily(family: Family): readonly Expression[] {
  return match("meta nfproto", u8.encode(NF_FAMILY[family]));
}

/** Matches packets that arrived through an Ethernet link and still have their Ethernet header, like `meta iiftype ether`. */
export function matchEthernet(): readonly Expression[] {
  return match("meta iiftype", u16.encode(ARPHRD_ETHER));
}

/** Matches packets of a protocol, one of IPPROTO, like `meta l4proto tcp`. */
export function matchProtocol(protocol: number): readonly Expression[] {
  return match("meta l4proto", u8.encode(protocol));
}

/** Matches packets to an address of this host, like `fib daddr type local`. */
export function matchLocalDestination(): readonly Expression[] {
  return match("fib daddr type", u32.encode(RTN.LOCAL));
}

/** Matches packets of the prefix's family whose destination is in the prefix, like `ip daddr PREFIX`. */
export function matchDestination(prefix: Prefix): readonly Expression[] {
  return matchAddress("destination", prefix);
}

/** Matches packets of the prefix's family whose source is in the prefix, like `ip saddr PREFIX`. */
export function matchSource(prefix: Prefix): readonly Expression[] {
  return matchAddress("source", prefix);
}

/** Matches if the set has the fields' values, like `FIELD . FIELD @SET`. */
export function lookUp(fields: readonly Field[], { name, id }: SetName): readonly Expression[] {
  return [...load(fields), { name: "lookup", data: { set: name, sreg: NFT_REG[1], setId: id } }];
}

/** Matches if the set lacks the fields' values, like `FIELD . FIELD != @SET`. */
export function lookUpNot(fields: readonly Field[], { name, id }: SetName): readonly Expression[] {
  const flags = NFT_LOOKUP_F.INV;
  return [...load(fields), { name: "lookup", data: { set: name, sreg: NFT_REG[1], setId: id, flags } }];
}

/** Applies the verdict that a map has for the fields, like `FIELD . FIELD vmap @MAP`. The rule continues if there is none. */
export function lookUpVerdict(fields: readonly Field[], { name, id }: SetName): readonly Expression[] {
  return [...load(fields), { name: "lookup", data: { sreg: NFT_REG[1], dreg: NFT_REG.VERDICT, set: name, setId: id } }];
}

/** Loads the data that a map has for the fields into the registers, starting with the first, like `FIELD . FIELD map @MAP`. */
export function lookUpData(fields: readonly Field[], { name, id }: SetName): readonly Expression[] {
  return [...load(fields), { name: "lookup", data: { set: name, sreg: NFT_REG[1], dreg: NFT_REG[1], setId: id } }];
}

/** Applies the verdict that a map has for the packet's source address, like `ip saddr vmap @MAP`. */
export function lookUpSource(family: Family, map: SetName): readonly Expression[] {
  return [...matchFamily(family), ...lookUpVerdict([ADDRESS_FIELD[family].source], map)];
}

function matchAddress(end: "source" | "destination", prefix: Prefix): readonly Expression[] {
  const { family } = prefix.address;
  const field = ADDRESS_FIELD[family][end];
  const value = encodeAddress(network(prefix).address);
  const whole = Math.floor(prefix.length / 8);
  if (prefix.length === 0) return matchFamily(family);
  if (prefix.length === whole * 8) {
    return [...matchFamily(family), ...shorten(load([field]), whole), compare(NFT_CMP.EQ, value.subarray(0, whole))];
  }
  const mask = value.map((_, index) => maskByte(prefix.length - 8 * index));
  return [...matchFamily(family), ...matchMasked(field, { mask, value })];
}

/** Loads only the first bytes of a field. */
function shorten(loads: readonly Expression[], length: number): readonly Expression[] {
  return loads.map((each) => (each.name === "payload" ? { ...each, data: { ...each.data, length } } : each));
}

function maskRegister(mask: Uint8Array): Expression {
  const { length } = mask;
  const xor = { value: new Uint8Array(length) };
  return { name: "bitwise", data: { sreg: NFT_REG[1], dreg: NFT_REG[1], length, mask: { value: mask }, xor } };
}

function compare(operation: number, value: Uint8Array): Expression {
  return { name: "cmp", data: { sreg: NFT_REG[1], operation, data: { value } } };
}

/** A byte of a netmask with `bits` leading ones, 8 at most. */
function maskByte(bits: number): number {
  return 0xff & ~(0xff >> Math.min(Math.max(bits, 0), 8));
}
