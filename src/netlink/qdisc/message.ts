import { decodeFields } from "../fields.ts";
import { type PayloadOf, payload } from "../struct.ts";
import { QDISC_FIELDS } from "./attributes.ts";
import { qdiscHeader } from "./header.ts";
import { TBF_FIELDS } from "./tbf.ts";

/** A message about a queueing discipline: the structure and the attributes behind it. */
export type QdiscMessage = PayloadOf<typeof qdiscHeader, typeof QDISC_FIELDS>;

/** A token bucket: what passes is `rate` at most, but for a full bucket after a pause. */
export interface TokenBucket {
  /** Bytes a second. */
  readonly rate: number;
  /** Bytes that may wait; what comes then is dropped. */
  readonly limit: number;
  /** How long the full bucket lasts at `rate`, in ticks of 64 ns. */
  readonly buffer: number;
}

/** A queueing discipline as the kernel described it. */
export interface Qdisc {
  /** "noqueue", "tbf", "ingress", … */
  readonly kind: string;
  /** The link's index. */
  readonly index: number;
  readonly handle: number;
  readonly parent: number;
  /** Its settings as a token bucket filter. */
  readonly tokenBucket: TokenBucket | undefined;
}

/** Mirror images. Malformed input makes `decode` throw RangeError. */
export const { encode: encodeQdisc, decode: decodeQdisc } = payload(qdiscHeader, QDISC_FIELDS);

/** The discipline that a message of the kernel's is about. @throws RangeError on malformed input */
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
  const { parameters, rate64 } = decodeFields(TBF_FIELDS, options);
  if (parameters === undefined) return undefined;
  const { rate, limit, buffer } = parameters;
  return { rate: rate64 === undefined ? rate.rate : Number(rate64), limit, buffer };
}
