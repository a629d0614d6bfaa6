import { concat } from "../../platform/bytes.ts";
import { decodeFields, encodeFields } from "../fields.ts";
import { QDISC_HEADER_SIZE } from "../qdisc/header.ts";
import type { FilterAttributes } from "./attributes.ts";
import { FILTER_FIELDS, MIRRED_FIELDS, U32_FIELDS } from "./attributes.ts";
import type { FilterHeader } from "./header.ts";
import { decodeFilterHeader, encodeFilterHeader } from "./header.ts";

/** A message about a filter: the structure and the attributes behind it. */
export interface FilterMessage {
  readonly header: Partial<FilterHeader>;
  readonly attributes: FilterAttributes;
}

/** A filter as the kernel described it. */
export interface Filter {
  /** "u32", "bpf", … */
  readonly kind: string;
  readonly priority: number;
  readonly protocol: number;
  /** The index of the link that a u32 filter sends its packets to; 0 where that is gone, and they are dropped. */
  readonly redirect: number | undefined;
}

export function encodeFilter(message: FilterMessage): Uint8Array<ArrayBuffer> {
  return concat([encodeFilterHeader(message.header), encodeFields(FILTER_FIELDS, message.attributes)]);
}

/** @throws RangeError on malformed input */
export function decodeFilter(payload: Uint8Array): FilterMessage & { readonly header: FilterHeader } {
  return {
    header: decodeFilterHeader(payload),
    attributes: decodeFields(FILTER_FIELDS, payload.subarray(QDISC_HEADER_SIZE)),
  };
}

/** The filter that a message of the kernel's is about. @throws RangeError on malformed input */
export function readFilter(payload: Uint8Array): Filter {
  const { header, attributes } = decodeFilter(payload);
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
