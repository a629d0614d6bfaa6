import { refusals } from "../../netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../netlink/answers.ts";
import { text, u32, u32be, u64be } from "../../netlink/codec.ts";
import { NLM_F } from "../../netlink/message.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { ERRNO } from "../../platform/errno.ts";
import { ignoring, succeeds } from "../../platform/outcome.ts";
import { NFT_DATA } from "./data.ts";
import { type Datatype, keyType, NO_BYTEORDER } from "./datatype.ts";
import { NFT_MSG, type NftObject, nftObject, nftRequest } from "./message.ts";
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
export const NFT_SET = { INTERVAL: 0x4, MAP: 0x8 } as const;

/** The data type of verdicts. */
const VERDICTS = { number: NFT_DATA.VERDICT, size: 0, byteorder: NO_BYTEORDER } as const;

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

/** A named set or map. Lengths are in bytes; `id` identifies it in a transaction. */
export type NamedSet = NftObject<typeof FIELDS>;

/** Identifies a set. */
export interface SetKey {
  readonly family: number;
  readonly table: string;
  readonly name: string;
}

/** Encodes and decodes a set. `decode` throws RangeError on malformed input. */
export const { encode: encodeSet, decode: decodeSet } = nftObject(FIELDS);

/** The content types of a set. `id` identifies it in a transaction. */
export interface SetSpec extends SetKey {
  readonly id: number;
  /** The type of its keys, or the types of their parts. */
  readonly key: readonly Datatype[];
  /** The type of a map's values. */
  readonly data?: "verdict" | readonly Datatype[];
  /** More flags of NFT_SET. Without flags it is a hash table. */
  readonly flags?: number;
}

/** A set of keys, like `type ipv4_addr . inet_service`, or a map, like `type ipv4_addr : verdict`. */
export function typedSet({ family, table, name, id, key, data, flags = 0 }: SetSpec): NamedSet {
  const { number, size, byteorder } = keyType(key);
  const place = { family, table, name };
  const keys = { keyType: number, keyLength: size };
  const entry = { type: NFTNL_UDATA_SET.KEYBYTEORDER, value: byteorder };
  if (data === undefined) return { ...place, flags, ...keys, id, userdata: [entry] };
  const values = data === "verdict" ? VERDICTS : keyType(data);
  return {
    ...place,
    flags: flags | NFT_SET.MAP,
    ...keys,
    dataType: values.number,
    dataLength: values.size,
    id,
    userdata: [
      entry,
      { type: NFTNL_UDATA_SET.DATABYTEORDER, value: values.byteorder },
      { type: NFTNL_UDATA_SET.DATA_INTERVAL, value: u32.encode(0) },
    ],
  };
}

/** The sets and maps of a table, like `nft list sets table FAMILY TABLE`; none if the table does not exist. @throws NetlinkError */
export function listSets(netlink: Nfnetlink, { family, table }: Omit<SetKey, "name">): readonly NamedSet[] {
  const payload = encodeSet({ family, table });
  const action = `list the sets of nftables table ${table}`;
  const request = nftRequest(NFT_MSG.GETSET, { payload, flags: NLM_F.DUMP, action });
  const found = ignoring(refusals(ERRNO.ENOENT), () => netlink.request(request)) ?? [];
  return found.map((message) => decodeSet(message.payload)).filter((set) => set.table === table);
}

/** The change `nft add set FAMILY TABLE NAME` or `add map`. It changes nothing if the set exists. */
export function addSet(set: NamedSet): NetlinkRequest {
  return nftRequest(NFT_MSG.NEWSET, {
    payload: encodeSet(set),
    flags: NLM_F.CREATE,
    action: `add nftables set ${set.name} to table ${set.table}`,
  });
}

/** The change `nft delete set FAMILY TABLE NAME`, with its elements. EBUSY if a rule uses it. */
export function deleteSet({ family, table, name }: SetKey): NetlinkRequest {
  return nftRequest(NFT_MSG.DELSET, {
    payload: encodeSet({ family, table, name }),
    action: `delete nftables set ${name} from table ${table}`,
  });
}

/** Whether a set of that name exists. @throws NetlinkError */
export function hasSet(netlink: Nfnetlink, { family, table, name }: SetKey): boolean {
  const payload = encodeSet({ family, table, name });
  const request = nftRequest(NFT_MSG.GETSET, { payload, action: `find nftables set ${name} in table ${table}` });
  return succeeds(refusals(ERRNO.ENOENT), () => netlink.request(request));
}
