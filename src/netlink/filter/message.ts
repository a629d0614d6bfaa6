import { decodeFields } from "../fields.ts";
import { payload } from "../struct.ts";
import { FILTER_FIELDS, MIRRED_FIELDS, U32_FIELDS } from "./attributes.ts";
import { filterHeader } from "./header.ts";

/** A filter as the kernel described it. */
export interface Filter {
  /** "u32", "bpf", … */
  readonly kind: string;
  readonly priority: number;
  readonly protocol: number;
  /** The index of the link that a u32 filter sends its packets to; 0 where that is gone, and they are dropped. */
  readonly redirect: number | undefined;
}

/** Mirror images. Malformed input makes `decode` throw RangeError. */
export const { encode: encodeFilter, decode: decodeFilter } = payload(filterHeader, FILTER_FIELDS);

/** The filter that a message of the kernel's is about. @throws RangeError on malformed input */
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
  const action = decodeFields(U32_FIELDS, options).actions?.first;
  if (action?.kind !== "mirred" || action.options === undefined) return undefined;
  return decodeFields(MIRRED_FIELDS, action.options).parameters?.link;
}
