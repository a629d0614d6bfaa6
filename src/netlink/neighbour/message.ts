import type { Address } from "../../ip/address.ts";
import type { Mac } from "../../ip/mac.ts";
import { concat } from "../../platform/bytes.ts";
import { decodeFields, encodeFields } from "../fields.ts";
import type { NeighbourAttributes } from "./attributes.ts";
import { NEIGHBOUR_FIELDS } from "./attributes.ts";
import type { NeighbourHeader } from "./header.ts";
import { decodeNeighbourHeader, encodeNeighbourHeader, NEIGHBOUR_HEADER_SIZE } from "./header.ts";

/** A message about a neighbour: the structure and the attributes behind it. */
export interface NeighbourMessage {
  readonly header: Partial<NeighbourHeader>;
  readonly attributes: NeighbourAttributes;
}

/** What a link knows about an address in its network. */
export interface Neighbour {
  readonly address: Address;
  /** "" while it is not known. */
  readonly mac: Mac;
  /** The link's index. */
  readonly index: number;
  /** NUD bits. */
  readonly state: number;
}

export function encodeNeighbour(message: NeighbourMessage): Uint8Array<ArrayBuffer> {
  return concat([encodeNeighbourHeader(message.header), encodeFields(NEIGHBOUR_FIELDS, message.attributes)]);
}

/** @throws RangeError on malformed input */
export function decodeNeighbour(payload: Uint8Array): NeighbourMessage & { readonly header: NeighbourHeader } {
  return {
    header: decodeNeighbourHeader(payload),
    attributes: decodeFields(NEIGHBOUR_FIELDS, payload.subarray(NEIGHBOUR_HEADER_SIZE)),
  };
}

/** The neighbour that a message of the kernel's is about. @throws RangeError on malformed input, or when it has no address */
export function readNeighbour(payload: Uint8Array): Neighbour {
  const { header, attributes } = decodeNeighbour(payload);
  const { address, mac = "" } = attributes;
  if (address === undefined) throw new RangeError("Cannot decode a neighbour message: NDA_DST is missing");
  return { address, mac, index: header.index, state: header.state };
}
