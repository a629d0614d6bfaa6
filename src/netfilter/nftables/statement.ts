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

/** Like `accept`: skips the rest of this base chain. */
export const ACCEPT = verdict(NF.ACCEPT);

/** Like `drop`. */
export const DROP = verdict(NF.DROP);

/** Like `return`: skips the rest of this chain. */
export const RETURN = verdict(NFT.RETURN);

/** Like `masquerade`. */
export const MASQUERADE: Expression = { name: "masq", data: {} };

/** Like `jump CHAIN`: continues in another chain and returns from it. */
export function jump(chain: string): Expression {
  return verdict(NFT.JUMP, chain);
}

/** Like `goto CHAIN`: continues in another chain and does not return. */
export function goTo(chain: string): Expression {
  return verdict(NFT.GOTO, chain);
}

/** Like `meta mark set meta mark or BITS`: sets bits of the packet's mark and keeps the others. */
export function setMark(bits: number): readonly Expression[] {
  const mask = { value: u32.encode(~bits >>> 0) };
  const xor = { value: u32.encode(bits) };
  return [
    ...load(["meta mark"]),
    { name: "bitwise", data: { sreg: NFT_REG[1], dreg: NFT_REG[1], length: 4, mask, xor } },
    { name: "meta", data: { key: NFT_META.MARK, sreg: NFT_REG[1] } },
  ];
}

/** Like `dnat ip to FIELD . FIELD map @MAP`: sends the packet to the address and port that a map has for the fields. */
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
