import type { Family } from "../../ip/address.ts";
import { NFT_CT } from "../../netfilter/nftables/expression/ct.ts";
import { NFT_META } from "../../netfilter/nftables/expression/meta.ts";
import { u32 } from "../../netlink/codec.ts";
import { NFPROTO } from "../../netlink/nfnetlink.ts";

/** A packet that the host forwards, as far as it is known. */
export interface ForwardedPacket {
  readonly family: Family;
  /** The link that it comes in by; undefined for any. */
  readonly from?: PacketLink | undefined;
  readonly to?: PacketLink | undefined;
  /** One bit of CT_STATE. */
  readonly state: number;
  /** Bits of IPS. */
  readonly status: number;
}

export interface PacketLink {
  /** One that ends in "*" is every link whose name begins so. */
  readonly name: string;
  /** Undefined if there is no link of that name. */
  readonly index: number | undefined;
}

/** Whether something is so of a packet; undefined if that cannot be told. */
export type Answer = boolean | undefined;

/** A field of a packet in a register. */
export interface PacketField {
  /** Whether the field has the value of a rule or of a set's element. */
  readonly matches: (value: Uint8Array) => Answer;
  /** The field, and a mask. */
  readonly masked: (mask: Uint8Array) => PacketField;
}

/** A field of which nothing is known. */
export const UNKNOWN: PacketField = { matches: () => undefined, masked: () => UNKNOWN };

/** The sizes of a link's name and of an index or of bits, in bytes. A longer value is of several fields. <linux/if.h> */
const SIZE = { name: 16, number: 4 } as const;

/** A property by its number in NFT_META. */
export function metaField(key: number | undefined, { family, from, to }: ForwardedPacket): PacketField {
  switch (key) {
    case NFT_META.IIFNAME:
      return plain((value) => isNamed(from, value));
    case NFT_META.OIFNAME:
      return plain((value) => isNamed(to, value));
    case NFT_META.IIF:
      return plain((value) => isIndexed(from, value));
    case NFT_META.OIF:
      return plain((value) => isIndexed(to, value));
    case NFT_META.NFPROTO:
      return plain(([first, ...others]) => {
        return others.length > 0 ? undefined : first === (family === 4 ? NFPROTO.IPV4 : NFPROTO.IPV6);
      });
    default:
      return UNKNOWN;
  }
}

/** A property of the packet's connection by its number in NFT_CT. */
export function connectionField(key: number | undefined, { state, status }: ForwardedPacket): PacketField {
  if (key === NFT_CT.STATE) return bits(state);
  // Only some bits of the status are known.
  return key === NFT_CT.STATUS ? { ...bits(status), matches: () => undefined } : UNKNOWN;
}

function plain(matches: PacketField["matches"]): PacketField {
  return { matches, masked: () => UNKNOWN };
}

/** Bits in host byte order. */
function bits(value: number): PacketField {
  return {
    matches: (other) => (other.length === SIZE.number ? u32.decode(other) === value : undefined),
    masked: (mask) => (mask.length === SIZE.number ? bits((value & u32.decode(mask)) >>> 0) : UNKNOWN),
  };
}

/** A name is compared with its final NUL; without one it is the beginning of a name. */
function isNamed(link: PacketLink | undefined, value: Uint8Array): Answer {
  if (link === undefined || value.length > SIZE.name) return undefined;
  const end = value.indexOf(0);
  const isBeginning = end === -1;
  const text = String.fromCharCode(...value.subarray(0, isBeginning ? value.length : end));
  if (!link.name.endsWith("*")) return isBeginning ? link.name.startsWith(text) : link.name === text;
  const own = link.name.slice(0, -1);
  if (isBeginning && own.startsWith(text)) return true;
  return text.startsWith(own) ? undefined : false;
}

function isIndexed(link: PacketLink | undefined, value: Uint8Array): Answer {
  return link?.index === undefined || value.length !== SIZE.number ? undefined : u32.decode(value) === link.index;
}
