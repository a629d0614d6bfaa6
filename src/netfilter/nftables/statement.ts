import type { Family } from "../../ip/address.ts";
import { ADDRESS_BITS } from "../../ip/address.ts";
import { u32 } from "../../netlink/codec.ts";
import { NFPROTO } from "../../netlink/nfnetlink.ts";
import { NF, NFT } from "./data.ts";
import { NFT_META } from "./expression/meta.ts";
import { NF_NAT_RANGE, NFT_NAT } from "./expression/nat.ts";
import { NFT_REG, registerAt } from "./expression/register.ts";
import type { Expression } from "./expression.ts";
import { type Field, load } from "./field.ts";
import { lookUpData, type SetName } from "./match.ts";

/** Like `accept`: no more rules of this base chain. */
export const ACCEPT = verdict(NF.ACCEPT);

/** Like `drop`. */
export const DROP = verdict(NF.DROP);

/** The rest of this chain is not for the packet, like `return`. */
export const RETURN = verdict(NFT.RETURN);

/** Like `masquerade`. */
export const MASQUERADE: Expression = { name: "masq", data: {} };

/** Goes on in another chain, and comes back from it, like `jump CHAIN`. */
export function jump(chain: string): Expression {
  return verdict(NFT.JUMP, chain);
}

/** Goes on in another chain, and does not come back to this, like `goto CHAIN`. */
export function goTo(chain: string): Expression {
  return verdict(NFT.GOTO, chain);
}

/** Sets bits of the packet's mark and leaves the others, like `meta mark set meta mark or BITS`. */
export function setMark(bits: number): readonly Expression[] {
  const mask = { value: u32.encode(~bits >>> 0) };
  const xor = { value: u32.encode(bits) };
  return [
    ...load(["meta mark"]),
    { name: "bitwise", data: { sreg: NFT_REG[1], dreg: NFT_REG[1], length: 4, mask, xor } },
    { name: "meta", data: { key: NFT_META.MARK, sreg: NFT_REG[1] } },
  ];
}

/** Sends the packet to the address and port that a map has for the fields, like `dnat ip to FIELD . FIELD map @MAP`. */
export function dnatTo(family: Family, fields: readonly Field[], map: SetName): readonly Expression[] {
  const port = registerAt(ADDRESS_BITS[family] / 8);
  const data = {
    type: NFT_NAT.DNAT,
    family: family === 4 ? NFPROTO.IPV4 : NFPROTO.IPV6,
    addressMin: NFT_REG[1],
    addressMax: NFT_REG[1],
    portMin: port,
    portMax: port,
    flags: NF_NAT_RANGE.MAP_IPS | NF_NAT_RANGE.PROTO_SPECIFIED,
  };
  return [...lookUpData(fields, map), { name: "nat", data }];
}

function verdict(code: number, chain?: string): Expression {
  const data = { verdict: { code, ...(chain !== undefined && { chain }) } };
  return { name: "immediate", data: { dreg: NFT_REG.VERDICT, data } };
}
