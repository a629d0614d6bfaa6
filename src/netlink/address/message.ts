import type { Address } from "../../ip/address.ts";
import type { Prefix } from "../../ip/prefix.ts";
import { concat } from "../../platform/bytes.ts";
import { decodeFields, encodeFields } from "../fields.ts";
import type { AddressAttributes } from "./attributes.ts";
import { ADDRESS_FIELDS, IFA_F } from "./attributes.ts";
import type { AddressHeader } from "./header.ts";
import { ADDRESS_HEADER_SIZE, decodeAddressHeader, encodeAddressHeader } from "./header.ts";

/** A message about an address: the structure and the attributes behind it. */
export interface AddressMessage {
  readonly header: Partial<AddressHeader>;
  readonly attributes: AddressAttributes;
}

/** An address on a link, as the kernel described it. */
export interface LinkAddress {
  /** The address with the length of its network's prefix. */
  readonly prefix: Prefix;
  /** The link's index. */
  readonly index: number;
  readonly broadcast: Address | undefined;
  /** RT_SCOPE. */
  readonly scope: number;
  /** Whether it is not usable yet, because duplicate address detection goes on. */
  readonly tentative: boolean;
  /** Whether another host has it: it will never be usable. */
  readonly duplicate: boolean;
}

export function encodeLinkAddress(message: AddressMessage): Uint8Array<ArrayBuffer> {
  return concat([encodeAddressHeader(message.header), encodeFields(ADDRESS_FIELDS, message.attributes)]);
}

/** @throws RangeError on malformed input */
export function decodeLinkAddress(payload: Uint8Array): AddressMessage & { readonly header: AddressHeader } {
  return {
    header: decodeAddressHeader(payload),
    attributes: decodeFields(ADDRESS_FIELDS, payload.subarray(ADDRESS_HEADER_SIZE)),
  };
}

/** The address that a message of the kernel's is about. @throws RangeError on malformed input, or when there is none in it */
export function readLinkAddress(payload: Uint8Array): LinkAddress {
  const { header, attributes } = decodeLinkAddress(payload);
  const address = attributes.local ?? attributes.address;
  const flags = attributes.flags ?? header.flags;
  if (address === undefined)
    throw new RangeError("Cannot decode an address message: IFA_LOCAL and IFA_ADDRESS are missing");
  return {
    prefix: { address, length: header.prefixLength },
    index: header.index,
    broadcast: attributes.broadcast,
    scope: header.scope,
    tentative: (flags & IFA_F.TENTATIVE) !== 0,
    duplicate: (flags & IFA_F.DADFAILED) !== 0,
  };
}
