import type { NetlinkRequest } from "../../netlink/answers.ts";
import { text, u32be, u64be } from "../../netlink/codec.ts";
import { NLM_F } from "../../netlink/message.ts";
import { NFPROTO } from "../../netlink/nfnetlink.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { NFT_MSG, type NftObject, nftObject, nftRequest } from "./message.ts";
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
export type Table = NftObject<typeof FIELDS>;

/** Identifies a table. */
export interface TableKey {
  readonly family: number;
  readonly table: string;
}

/** Encodes and decodes a table. `decode` throws RangeError on malformed input. */
export const { encode: encodeTable, decode: decodeTable } = nftObject(FIELDS);

/** The change `nft add table FAMILY NAME`. It changes nothing if the table exists. */
export function addTable(table: Table): NetlinkRequest {
  return nftRequest(NFT_MSG.NEWTABLE, {
    payload: encodeTable(table),
    action: `add nftables table ${table.name}`,
  });
}

/** The change `nft delete table FAMILY NAME`, with everything in it. ENOENT if it does not exist. */
export function deleteTable({ family, name }: Pick<Table, "family" | "name">): NetlinkRequest {
  return nftRequest(NFT_MSG.DELTABLE, {
    payload: encodeTable({ family, name }),
    action: `delete nftables table ${name}`,
  });
}

/**
 * The tables of every family, like `nft list tables`. @throws NetlinkError with an errno that supportsNftables knows if the kernel has
 * no nf_tables
 */
export function listTables(netlink: Nfnetlink): readonly Table[] {
  const request = nftRequest(NFT_MSG.GETTABLE, {
    payload: encodeTable({ family: NFPROTO.UNSPEC }),
    flags: NLM_F.DUMP,
    action: "list the nftables tables",
  });
  return netlink.request(request).map(({ payload }) => decodeTable(payload));
}
