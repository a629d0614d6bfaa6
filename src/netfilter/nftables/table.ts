import type { Request } from "../../netlink/answers.ts";
import { text, u32be, u64be } from "../../netlink/codec.ts";
import { decodeFields, encodeFields, type Values } from "../../netlink/fields.ts";
import { NLM_F } from "../../netlink/message.ts";
import { decodeNfgenmsg, encodeNfgenmsg, NFPROTO } from "../../netlink/nfnetlink.ts";
import type { Netlink } from "../../netlink/socket.ts";
import { NFT_MSG, nftRequest } from "./message.ts";
import { userdata } from "./userdata.ts";

/** enum nft_table_attributes <linux/netfilter/nf_tables.h> */
const NFTA_TABLE = { NAME: 1, FLAGS: 2, USE: 3, HANDLE: 4, USERDATA: 6 } as const;

const FIELDS = {
  name: [NFTA_TABLE.NAME, text],
  flags: [NFTA_TABLE.FLAGS, u32be],
  use: [NFTA_TABLE.USE, u32be],
  handle: [NFTA_TABLE.HANDLE, u64be],
  userdata: [NFTA_TABLE.USERDATA, userdata],
} as const;

/** A table. `family` is one of NFPROTO; `use` counts the chains, sets and other objects in it. */
export type Table = { readonly family: number } & Values<typeof FIELDS>;

/** What names a table. */
export interface TableKey {
  readonly family: number;
  readonly table: string;
}

export function encodeTable({ family, ...values }: Table): Uint8Array {
  return encodeNfgenmsg({ family, attributes: encodeFields(FIELDS, values) });
}

/** The mirror image. @throws RangeError on malformed input */
export function decodeTable(payload: Uint8Array): Table {
  const { family, attributes } = decodeNfgenmsg(payload);
  return { family, ...decodeFields(FIELDS, attributes) };
}

/** The change `nft add table FAMILY NAME`: no change where there is one of that name. */
export function addTable(table: Table): Request {
  return nftRequest(NFT_MSG.NEWTABLE, {
    payload: encodeTable(table),
    action: `add nftables table ${table.name}`,
  });
}

/** The change `nft delete table FAMILY NAME`, with everything in it. ENOENT when there is none. */
export function deleteTable({ family, name }: Pick<Table, "family" | "name">): Request {
  return nftRequest(NFT_MSG.DELTABLE, {
    payload: encodeTable({ family, name }),
    action: `delete nftables table ${name}`,
  });
}

/** The tables of every family, like `nft list tables`. @throws NetlinkError as supportsNftables reads it where the kernel has no nf_tables */
export function listTables(netlink: Netlink): readonly Table[] {
  const request = nftRequest(NFT_MSG.GETTABLE, {
    payload: encodeTable({ family: NFPROTO.UNSPEC }),
    flags: NLM_F.DUMP,
    action: "list the nftables tables",
  });
  return netlink.request(request).map(({ payload }) => decodeTable(payload));
}
