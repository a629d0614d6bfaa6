import type { Family } from "../../ip/address.ts";
import { ADDRESS_BITS } from "../../ip/address.ts";
import type { Request } from "../../netlink/answers.ts";
import { text, u32, u32be, u64be } from "../../netlink/codec.ts";
import { decodeFields, encodeFields, type Values } from "../../netlink/fields.ts";
import { NLM_F } from "../../netlink/message.ts";
import { NFT_DATA } from "./data.ts";
import { NFT_MSG, nftRequest } from "./message.ts";
import { decodeNfgenmsg, encodeNfgenmsg } from "./nfnetlink.ts";
import { NFTNL_UDATA_SET, userdata } from "./userdata.ts";

/** enum nft_set_attributes <linux/netfilter/nf_tables.h> */
const NFTA_SET = {
  TABLE: 1,
  NAME: 2,
  FLAGS: 3,
  KEY_TYPE: 4,
  KEY_LEN: 5,
  DATA_TYPE: 6,
  DATA_LEN: 7,
  ID: 10,
  USERDATA: 13,
  HANDLE: 16,
} as const;

/** enum nft_set_flags <linux/netfilter/nf_tables.h> */
const NFT_SET = { MAP: 0x8 } as const;

/** How the nft tool prints keys; the kernel only hands it on. enum datatypes, nftables' include/datatype.h */
const KEY_TYPE = { 4: 7 /* TYPE_IPADDR */, 6: 8 /* TYPE_IP6ADDR */ } as const;

/** enum byteorder, nftables' include/datatype.h */
const BYTEORDER = { INVALID: 0, BIG_ENDIAN: 2 } as const;

const FIELDS = {
  table: [NFTA_SET.TABLE, text],
  name: [NFTA_SET.NAME, text],
  handle: [NFTA_SET.HANDLE, u64be],
  flags: [NFTA_SET.FLAGS, u32be],
  keyType: [NFTA_SET.KEY_TYPE, u32be],
  keyLength: [NFTA_SET.KEY_LEN, u32be],
  dataType: [NFTA_SET.DATA_TYPE, u32be],
  dataLength: [NFTA_SET.DATA_LEN, u32be],
  id: [NFTA_SET.ID, u32be],
  userdata: [NFTA_SET.USERDATA, userdata],
} as const;

/** A named set or map. Lengths in bytes; `id` names it inside one transaction. */
export type NamedSet = { readonly family: number } & Values<typeof FIELDS>;

/** What names a set. */
export interface SetKey {
  readonly family: number;
  readonly table: string;
  readonly name: string;
}

export function encodeSet({ family, ...values }: NamedSet): Uint8Array {
  return encodeNfgenmsg({ family, attributes: encodeFields(FIELDS, values) });
}

/** The mirror image. @throws RangeError on malformed input */
export function decodeSet(payload: Uint8Array): NamedSet {
  const { family, attributes } = decodeNfgenmsg(payload);
  return { family, ...decodeFields(FIELDS, attributes) };
}

/** A map from addresses of one family to verdicts, kept as a hash table, like `type ipv4_addr : verdict`. */
export function verdictMap(key: SetKey & { addresses: Family; id: number }): NamedSet {
  return {
    family: key.family,
    table: key.table,
    name: key.name,
    flags: NFT_SET.MAP,
    keyType: KEY_TYPE[key.addresses],
    keyLength: ADDRESS_BITS[key.addresses] / 8,
    dataType: NFT_DATA.VERDICT,
    dataLength: 0,
    id: key.id,
    userdata: [
      { type: NFTNL_UDATA_SET.KEYBYTEORDER, value: u32.encode(BYTEORDER.BIG_ENDIAN) },
      { type: NFTNL_UDATA_SET.DATABYTEORDER, value: u32.encode(BYTEORDER.INVALID) },
      { type: NFTNL_UDATA_SET.DATA_INTERVAL, value: u32.encode(0) },
    ],
  };
}

/** The change `nft add set FAMILY TABLE NAME` or `add map`: no change where there is one of that name. */
export function addSet(set: NamedSet): Request {
  return nftRequest(NFT_MSG.NEWSET, {
    payload: encodeSet(set),
    flags: NLM_F.CREATE,
    action: `add nftables set ${set.name} to table ${set.table}`,
  });
}
