import { decodeAttributes, encodeAttributes } from "../../netlink/attribute.ts";
import type { Codec } from "../../netlink/codec.ts";

/** enum nft_list_attributes <linux/netfilter/nf_tables.h> */
const NFTA_LIST = { ELEM: 1 } as const;

/** An attribute that holds any number of attributes of one kind, in order. */
export function list<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    encode: (values) =>
      encodeAttributes(values.map((value) => ({ type: NFTA_LIST.ELEM, value: item.encode(value), nested: true }))),
    decode: (bytes) => decodeAttributes(bytes).map(({ value }) => item.decode(value)),
    nested: true,
  };
}
