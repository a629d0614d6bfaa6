import { type Codec, text } from "../../netlink/codec.ts";
import { concat } from "../../platform/bytes.ts";

/** One entry of an object's user data: u8 type, u8 length, value. The kernel stores it without reading it. */
export interface Userdatum {
  readonly type: number;
  readonly value: Uint8Array;
}

/** The entry types, as the nft tool uses them. libnftnl's <libnftnl/udata.h> */
export const NFTNL_UDATA_SET = { KEYBYTEORDER: 0, DATABYTEORDER: 1, DATA_INTERVAL: 6, COMMENT: 7 } as const;
const NFTNL_UDATA_TABLE_COMMENT = 0;
const NFTNL_UDATA_CHAIN_COMMENT = 0;
const NFTNL_UDATA_RULE_COMMENT = 0;
const NFTNL_UDATA_SET_ELEM_COMMENT = 0;

/** The type of the comment entry for each kind of object. */
export const COMMENT = {
  table: NFTNL_UDATA_TABLE_COMMENT,
  chain: NFTNL_UDATA_CHAIN_COMMENT,
  rule: NFTNL_UDATA_RULE_COMMENT,
  element: NFTNL_UDATA_SET_ELEM_COMMENT,
  set: NFTNL_UDATA_SET.COMMENT,
} as const;

const HEADER_SIZE = 2;

/** An attribute that holds user data entries in order. */
export const userdata: Codec<readonly Userdatum[]> = {
  encode: (entries) => concat(entries.flatMap(({ type, value }) => [Uint8Array.of(type, value.length), value])),
  decode: (bytes) => {
    const entries: Userdatum[] = [];
    for (let offset = 0; offset < bytes.length; ) {
      const [type = 0, length = 0] = bytes.subarray(offset);
      const value = bytes.subarray(offset + HEADER_SIZE, offset + HEADER_SIZE + length);
      if (bytes.length < offset + HEADER_SIZE || value.length < length) {
        throw new RangeError(`Cannot decode user data ${type}: ${bytes.length - offset} bytes are left`);
      }
      entries.push({ type, value });
      offset += HEADER_SIZE + length;
    }
    return entries;
  },
};

/** User data with only a comment. */
export function commented(kind: keyof typeof COMMENT, comment: string): readonly Userdatum[] {
  return [{ type: COMMENT[kind], value: text.encode(comment) }];
}

/** The comment in an object's user data. */
export function findComment(kind: keyof typeof COMMENT, entries: readonly Userdatum[] = []): string | undefined {
  const entry = entries.find(({ type }) => type === COMMENT[kind]);
  return entry === undefined ? undefined : text.decode(entry.value);
}
