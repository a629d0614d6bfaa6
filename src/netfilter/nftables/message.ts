import type { NetlinkRequest } from "../../netlink/answers.ts";
import type { Fields, Values } from "../../netlink/fields.ts";
import { NFNL_SUBSYS, netfilterMessage } from "../../netlink/nfnetlink.ts";

/** Kinds of message. enum nf_tables_msg_types <linux/netfilter/nf_tables.h> */
export const NFT_MSG = {
  NEWTABLE: 0,
  GETTABLE: 1,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  DELCHAIN: 5,
  NEWRULE: 6,
  GETRULE: 7,
  DELRULE: 8,
  NEWSET: 9,
  GETSET: 10,
  DELSET: 11,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
  NEWGEN: 15,
  GETGEN: 16,
} as const;

/** An object in an nf_tables table. `family` is one of NFPROTO. */
export type NftObject<F extends Fields> = { readonly family: number } & Values<F>;

/** Defines the messages of a kind of object by the attributes that we use. `decode` throws RangeError on malformed input. */
export function nftObject<F extends Fields>(fields: F) {
  const message = netfilterMessage(fields);
  return {
    encode: (object: NftObject<F>): Uint8Array => message.encode({ family: object.family, attributes: object }),
    decode: (payload: Uint8Array): NftObject<F> => {
      const { family, attributes } = message.decode(payload);
      return Object.assign(attributes, { family });
    },
  };
}

/** A request to nf_tables. `kind` is one of NFT_MSG, `payload` comes from encodeNfgenmsg, `flags` are NLM_F. */
export function nftRequest(
  kind: number,
  request: { payload: Uint8Array; flags?: number; action: string },
): NetlinkRequest {
  const { payload, flags = 0, action } = request;
  return { type: (NFNL_SUBSYS.NFTABLES << 8) | kind, flags, payload, action };
}
