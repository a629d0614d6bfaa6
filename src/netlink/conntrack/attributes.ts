import { address, raw, u8, u16be, u32, u32be } from "../codec.ts";
import { nest, type Values } from "../fields.ts";

/** enum ctattr_type <linux/netfilter/nfnetlink_conntrack.h> */
const CTA = { TUPLE_ORIG: 1, TUPLE_REPLY: 2, STATUS: 3, ID: 12, ZONE: 18, FILTER: 25 } as const;

/** enum ctattr_tuple <linux/netfilter/nfnetlink_conntrack.h> */
const CTA_TUPLE = { IP: 1, PROTO: 2, ZONE: 3 } as const;

/** enum ctattr_ip <linux/netfilter/nfnetlink_conntrack.h> */
const CTA_IP = { V4_SRC: 1, V4_DST: 2, V6_SRC: 3, V6_DST: 4 } as const;

/** enum ctattr_l4proto <linux/netfilter/nfnetlink_conntrack.h> */
const CTA_PROTO = { NUM: 1, SRC_PORT: 2, DST_PORT: 3 } as const;

/** enum ctattr_filter <linux/netfilter/nfnetlink_conntrack.h> */
const CTA_FILTER = { ORIG_FLAGS: 1, REPLY_FLAGS: 2 } as const;

/**
 * Bits for the parts of a tuple that a list filters by. libnetfilter_conntrack calls them NFCT_FILTER_DUMP_TUPLE, and the kernel calls
 * them CTA_FILTER_F_CTA_PROTO_NUM and so on, in its net/netfilter/nf_internals.h.
 */
export const CTA_FILTER_F = { PROTO_NUM: 1 << 3, PROTO_DST_PORT: 1 << 5 } as const;

const IP = {
  source4: [CTA_IP.V4_SRC, address],
  destination4: [CTA_IP.V4_DST, address],
  source6: [CTA_IP.V6_SRC, address],
  destination6: [CTA_IP.V6_DST, address],
} as const;

const PROTO = {
  protocol: [CTA_PROTO.NUM, u8],
  sourcePort: [CTA_PROTO.SRC_PORT, u16be],
  destinationPort: [CTA_PROTO.DST_PORT, u16be],
} as const;

const TUPLE = {
  ip: [CTA_TUPLE.IP, nest(IP)],
  proto: [CTA_TUPLE.PROTO, nest(PROTO)],
  zone: [CTA_TUPLE.ZONE, raw],
} as const;

/** Numbers in host byte order. */
const FILTER = { original: [CTA_FILTER.ORIG_FLAGS, u32], reply: [CTA_FILTER.REPLY_FLAGS, u32] } as const;

/** The attributes of a connection that we use. `filter` limits a list to the values in `original`. */
export const CONNECTION_FIELDS = {
  original: [CTA.TUPLE_ORIG, nest(TUPLE)],
  reply: [CTA.TUPLE_REPLY, nest(TUPLE)],
  status: [CTA.STATUS, u32be],
  id: [CTA.ID, u32be],
  zone: [CTA.ZONE, raw],
  filter: [CTA.FILTER, nest(FILTER)],
} as const;

export type ConnectionAttributes = Values<typeof CONNECTION_FIELDS>;

/** One direction of a connection. */
export type TupleAttributes = NonNullable<ConnectionAttributes["original"]>;
