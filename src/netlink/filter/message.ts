import { decoderOf } from "../fields.ts";
import { payload } from "../struct.ts";
import { FILTER_FIELDS, MIRRED_FIELDS, U32_FIELDS } from "./attributes.ts";
import { filterHeader } from "./header.ts";

/** A filter as the kernel describes it. */
export interface Filter {
  /** "u32", "bpf", … */
  readonly kind: string;
  readonly priority: number;
  readonly protocol: number;
  /** The index of the link to which a u32 filter redirects packets. It is 0 if that link was deleted; then the packets are dropped. */
  readonly redirect: number | undefined;
}

/** Encodes and decodes a filter. `decode` throws RangeError on malformed input. */
export const { encode: encodeFilter, decode: decodeFilter } = payload(filterHeader, FILTER_FIELDS);

const decodeU32 = decoderOf(U32_FIELDS);
const decodeMirred = decoderOf(MIRRED_FIELDS);

/** Reads the filter in a message from the kernel. @throws RangeError on malformed input */
export function readFilter(bytes: Uint8Array): Filter {
  const { header, attributes } = decodeFilter(bytes);
  const { kind = "", options } = attributes;
  const { priority, protocol } = header;
  return {
    kind,
    priority,
    protocol,
    redirect: kind === "u32" && options !== undefined ? readRedirect(options) : undefined,
  };
}

function readRedirect(options: Uint8Array): number | undefined {
  const action = decodeU32(options).actions?.first;
  if (action?.kind !== "mirred" || action.options === undefined) return undefined;
  return decodeMirred(action.options).parameters?.link;
}
