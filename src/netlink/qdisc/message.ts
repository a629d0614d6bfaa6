import { decoderOf } from "../fields.ts";
import { type PayloadOf, payload } from "../struct.ts";
import { QDISC_FIELDS } from "./attributes.ts";
import { qdiscHeader } from "./header.ts";
import { TBF_FIELDS } from "./tbf.ts";

/** A message about a qdisc: the struct and its attributes. */
export type QdiscMessage = PayloadOf<typeof qdiscHeader, typeof QDISC_FIELDS>;

/** A token bucket. It limits traffic to `rate`, except for a burst after a pause, when the bucket is full. */
export interface TokenBucket {
  /** In bytes a second. */
  readonly rate: number;
  /** The queue's limit in bytes; further packets are dropped. */
  readonly limit: number;
  /** The time that a full bucket lasts at `rate`, in ticks of 64 ns. */
  readonly buffer: number;
}

/** A qdisc as the kernel describes it. */
export interface Qdisc {
  /** "noqueue", "tbf", "ingress", … */
  readonly kind: string;
  /** The link's index. */
  readonly index: number;
  readonly handle: number;
  readonly parent: number;
  /** Its settings if it is a token bucket filter. */
  readonly tokenBucket: TokenBucket | undefined;
}

/** Encodes and decodes a qdisc. `decode` throws RangeError on malformed input. */
export const { encode: encodeQdisc, decode: decodeQdisc } = payload(qdiscHeader, QDISC_FIELDS);

const decodeTokenBucket = decoderOf(TBF_FIELDS);

/** Reads the qdisc in a message from the kernel. @throws RangeError on malformed input */
export function readQdisc(bytes: Uint8Array): Qdisc {
  const { header, attributes } = decodeQdisc(bytes);
  const { kind = "", options } = attributes;
  const { index, handle, parent } = header;
  return {
    kind,
    index,
    handle,
    parent,
    tokenBucket: kind === "tbf" && options !== undefined ? readTokenBucket(options) : undefined,
  };
}

function readTokenBucket(options: Uint8Array): TokenBucket | undefined {
  const { parameters, rate64 } = decodeTokenBucket(options);
  if (parameters === undefined) return undefined;
  const { rate, limit, buffer } = parameters;
  return { rate: rate64 === undefined ? rate.rate : Number(rate64), limit, buffer };
}
