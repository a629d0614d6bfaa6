import type { Address } from "../../ip/address.ts";
import type { Prefix } from "../../ip/prefix.ts";
import { payload } from "../struct.ts";
import { ADDRESS_FIELDS, IFA_F } from "./attributes.ts";
import { addressHeader } from "./header.ts";

/** An address on a link, as the kernel describes it. */
export interface LinkAddress {
  /** The address with its prefix length. */
  readonly prefix: Prefix;
  /** The link's index. */
  readonly index: number;
  readonly broadcast: Address | undefined;
  /** RT_SCOPE. */
  readonly scope: number;
  /** Whether it is not usable yet, because duplicate address detection still runs. */
  readonly tentative: boolean;
  /** Whether another host has it, so that it never becomes usable. */
  readonly duplicate: boolean;
}

/** Encodes and decodes an address on a link. `decode` throws RangeError on malformed input. */
export const { encode: encodeLinkAddress, decode: decodeLinkAddress } = payload(addressHeader, ADDRESS_FIELDS);

/** Reads the address in a message from the kernel. @throws RangeError on malformed input or without an address */
export function readLinkAddress(bytes: Uint8Array): LinkAddress {
  const { header, attributes } = decodeLinkAddress(bytes);
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
