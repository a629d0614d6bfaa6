import { concat } from "../../platform/bytes.ts";
import { align } from "../bytes.ts";
import type { Codec } from "../codec.ts";
import { address, i32, u8, u16 } from "../codec.ts";
import type { Values } from "../fields.ts";
import { decoderOf, encodeFields } from "../fields.ts";
import { struct } from "../struct.ts";

/** Attributes of a next hop are those of a route. <linux/rtnetlink.h> */
const RTA = { GATEWAY: 5 } as const;

const FIELDS = { gateway: [RTA.GATEWAY, address] } as const;

const decodeValues = decoderOf(FIELDS);

/** sizeof(struct rtnexthop): u16 length, u8 flags, u8 hops, i32 index. <linux/rtnetlink.h> */
const HEADER_SIZE = 8;

/** struct rtnexthop. `length` includes the struct and its attributes. <linux/rtnetlink.h> */
const header = struct("struct rtnexthop", HEADER_SIZE, {
  length: [0, u16],
  /** RTNH_F bits. */
  flags: [2, u8],
  /** Its weight minus one. */
  hops: [3, u8],
  /** The link's index. */
  index: [4, i32],
});

/** A next hop of a multipath route. */
export interface NextHop extends Omit<ReturnType<typeof header.decode>, "length"> {
  readonly attributes: Values<typeof FIELDS>;
}

/** The next hops, one after another. */
export const nextHops: Codec<readonly NextHop[]> = {
  encode: (hops) =>
    concat(
      hops.flatMap(({ attributes, ...hop }) => {
        const behind = encodeFields(FIELDS, attributes);
        return [header.encode({ ...hop, length: HEADER_SIZE + behind.length }), behind];
      }),
    ),
  decode: (bytes) => {
    const hops: NextHop[] = [];
    for (let offset = 0; offset < bytes.length; ) {
      const { length, ...hop } = header.decode(bytes.subarray(offset));
      if (length < HEADER_SIZE || offset + length > bytes.length) {
        throw new RangeError(`Cannot decode a next hop: length ${length}, but ${bytes.length - offset} bytes are left`);
      }
      hops.push({ ...hop, attributes: decodeValues(bytes.subarray(offset + HEADER_SIZE, offset + length)) });
      offset += align(length);
    }
    return hops;
  },
};
