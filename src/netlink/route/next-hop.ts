import { concat } from "../../platform/bytes.ts";
import { align, viewOf, viewOfStruct } from "../bytes.ts";
import type { Codec } from "../codec.ts";
import { address } from "../codec.ts";
import type { Values } from "../fields.ts";
import { decodeFields, encodeFields } from "../fields.ts";

/** One of several ways of a route: struct rtnexthop and the attributes behind it. <linux/rtnetlink.h> */
export interface NextHop {
  /** RTNH_F bits. */
  readonly flags: number;
  /** Its weight, less one. */
  readonly hops: number;
  /** The link's index. */
  readonly index: number;
  readonly attributes: Values<typeof FIELDS>;
}

/** Attributes of a next hop are those of a route. <linux/rtnetlink.h> */
const RTA = { GATEWAY: 5 } as const;

const FIELDS = { gateway: [RTA.GATEWAY, address] } as const;

/** sizeof(struct rtnexthop): u16 length, u8 flags, u8 hops, i32 index. <linux/rtnetlink.h> */
const HEADER_SIZE = 8;

/** The next hops one behind the other. */
export const nextHops: Codec<readonly NextHop[]> = {
  encode: (hops) => concat(hops.map(encodeNextHop)),
  decode: decodeNextHops,
};

function encodeNextHop(hop: NextHop): Uint8Array {
  const attributes = encodeFields(FIELDS, hop.attributes);
  const header = new Uint8Array(HEADER_SIZE);
  const view = viewOf(header);
  view.setUint16(0, HEADER_SIZE + attributes.length, true);
  view.setUint8(2, hop.flags);
  view.setUint8(3, hop.hops);
  view.setInt32(4, hop.index, true);
  return concat([header, attributes]);
}

function decodeNextHops(bytes: Uint8Array): readonly NextHop[] {
  const hops: NextHop[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const view = viewOfStruct(bytes.subarray(offset), "struct rtnexthop", HEADER_SIZE);
    const length = view.getUint16(0, true);
    if (length < HEADER_SIZE || offset + length > bytes.length) {
      throw new RangeError(`Cannot decode a next hop: length ${length}, but ${bytes.length - offset} bytes are left`);
    }
    hops.push({
      flags: view.getUint8(2),
      hops: view.getUint8(3),
      index: view.getInt32(4, true),
      attributes: decodeFields(FIELDS, bytes.subarray(offset + HEADER_SIZE, offset + length)),
    });
    offset += align(length);
  }
  return hops;
}
