import { encodeAddress, type Family } from "../../ip/address.ts";
import { network, type Prefix } from "../../ip/prefix.ts";
import { NFT } from "./data.ts";
import { NFT_CMP } from "./expression/cmp.ts";
import { NFT_META } from "./expression/meta.ts";
import { NFT_PAYLOAD } from "./expression/payload.ts";
import { NFT_REG } from "./expression/register.ts";
import type { Expression } from "./expression.ts";
import { NFPROTO } from "./nfnetlink.ts";

/** An IP header's addresses: the first byte of each, and the size of both. RFC 791, RFC 8200 */
const HEADER = {
  4: { nfproto: NFPROTO.IPV4, source: 12, destination: 16, size: 4 },
  6: { nfproto: NFPROTO.IPV6, source: 8, destination: 24, size: 16 },
} as const;

/** Goes on where the packet is of the family and its destination is in the prefix, like `ip daddr PREFIX`. */
export function matchDestination(prefix: Prefix): readonly Expression[] {
  const { family } = prefix.address;
  const bytes = encodeAddress(network(prefix).address);
  const whole = Math.floor(prefix.length / 8);
  if (prefix.length === 0) return matchFamily(family);
  if (prefix.length === whole * 8) {
    return [...load(family, "destination", whole), equal(bytes.subarray(0, whole))];
  }
  const mask = bytes.map((_, index) => maskByte(prefix.length - 8 * index));
  const { size } = HEADER[family];
  return [
    ...load(family, "destination", size),
    {
      name: "bitwise",
      data: {
        sreg: NFT_REG[1],
        dreg: NFT_REG[1],
        length: size,
        mask: { value: mask },
        xor: { value: new Uint8Array(size) },
      },
    },
    equal(bytes),
  ];
}

/** Where a packet's source address is in its network header: the first byte, and how many. */
export function sourceField(family: Family): { readonly offset: number; readonly size: number } {
  return { offset: HEADER[family].source, size: HEADER[family].size };
}

/** Does what a map from addresses to verdicts says of the packet's source, like `ip saddr vmap @MAP`. */
export function lookUpSource(family: Family, map: { name: string; id: number }): readonly Expression[] {
  return [
    ...load(family, "source", HEADER[family].size),
    { name: "lookup", data: { sreg: NFT_REG[1], dreg: NFT_REG.VERDICT, set: map.name, setId: map.id } },
  ];
}

/** The rest of this chain is not for the packet, like `return`. */
export const RETURN: Expression = {
  name: "immediate",
  data: { dreg: NFT_REG.VERDICT, data: { verdict: { code: NFT.RETURN } } },
};

/** Like `masquerade`. */
export const MASQUERADE: Expression = { name: "masq", data: {} };

function matchFamily(family: Family): readonly Expression[] {
  return [
    { name: "meta", data: { key: NFT_META.NFPROTO, dreg: NFT_REG[1] } },
    equal(Uint8Array.of(HEADER[family].nfproto)),
  ];
}

function load(family: Family, end: "source" | "destination", length: number): readonly Expression[] {
  const offset = HEADER[family][end];
  return [
    ...matchFamily(family),
    { name: "payload", data: { dreg: NFT_REG[1], base: NFT_PAYLOAD.NETWORK_HEADER, offset, length } },
  ];
}

function equal(value: Uint8Array): Expression {
  return { name: "cmp", data: { sreg: NFT_REG[1], operation: NFT_CMP.EQ, data: { value } } };
}

/** The byte of a netmask that has `bits` ones, of which it holds at most 8. */
function maskByte(bits: number): number {
  return 0xff & ~(0xff >> Math.min(Math.max(bits, 0), 8));
}
