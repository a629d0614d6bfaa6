import { type Address, decodeAddress, encodeAddress } from "../../ip/address.ts";
import { concat } from "../../platform/bytes.ts";
import { decodeOptions, encodeOptions, type Options } from "./options.ts";

/** The value of IA_NA: what a server gives to one interface. RFC 8415, 21.4 */
export interface Association {
  readonly iaid: number;
  /** T1 and T2 in seconds; 0 leaves them to the client. */
  readonly renew: number;
  readonly rebind: number;
  readonly options: Options;
}

/** The value of IAADDR: an address, and for how many seconds it is preferred and valid. RFC 8415, 21.6 */
export interface AssociatedAddress {
  readonly address: Address;
  readonly preferred: number;
  readonly valid: number;
  readonly options: Options;
}

const ASSOCIATION_SIZE = 12;
const ADDRESS_SIZE = 24;

export function encodeAssociation({ iaid, renew, rebind, options }: Association): Uint8Array {
  return concat([encodeNumbers(iaid, renew, rebind), encodeOptions(options)]);
}

/** @throws RangeError if it is cut */
export function decodeAssociation(bytes: Uint8Array): Association {
  const view = viewOf(bytes, ASSOCIATION_SIZE);
  const [iaid, renew, rebind] = [view.getUint32(0), view.getUint32(4), view.getUint32(8)];
  return { iaid, renew, rebind, options: decodeOptions(bytes.subarray(ASSOCIATION_SIZE)) };
}

export function encodeAssociatedAddress({ address, preferred, valid, options }: AssociatedAddress): Uint8Array {
  return concat([encodeAddress(address), encodeNumbers(preferred, valid), encodeOptions(options)]);
}

/** @throws RangeError if it is cut */
export function decodeAssociatedAddress(bytes: Uint8Array): AssociatedAddress {
  const view = viewOf(bytes, ADDRESS_SIZE);
  return {
    address: decodeAddress(bytes.subarray(0, 16)),
    preferred: view.getUint32(16),
    valid: view.getUint32(20),
    options: decodeOptions(bytes.subarray(ADDRESS_SIZE)),
  };
}

function encodeNumbers(...numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * numbers.length);
  const view = new DataView(bytes.buffer);
  for (const [index, number] of numbers.entries()) view.setUint32(4 * index, number);
  return bytes;
}

function viewOf(bytes: Uint8Array, least: number): DataView {
  if (bytes.length < least)
    throw new RangeError(
      `Cannot decode an option of a DHCPv6 message: it has ${bytes.length} bytes, must have ${least}`,
    );
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
