import { viewOf, viewOfStruct } from "../bytes.ts";

/** struct ifaddrmsg: what every message about an address begins with. <linux/if_addr.h> */
export interface AddressHeader {
  readonly family: number;
  readonly prefixLength: number;
  /** IFA_F bits, as far as they fit into 8; the attribute `flags` has all. */
  readonly flags: number;
  /** RT_SCOPE. */
  readonly scope: number;
  /** The link's index. */
  readonly index: number;
}

/** sizeof(struct ifaddrmsg) <linux/if_addr.h> */
export const ADDRESS_HEADER_SIZE = 8;

export function encodeAddressHeader(header: Partial<AddressHeader>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(ADDRESS_HEADER_SIZE);
  const view = viewOf(bytes);
  view.setUint8(0, header.family ?? 0);
  view.setUint8(1, header.prefixLength ?? 0);
  view.setUint8(2, header.flags ?? 0);
  view.setUint8(3, header.scope ?? 0);
  view.setUint32(4, header.index ?? 0, true);
  return bytes;
}

/** @throws RangeError when the input is shorter than the structure */
export function decodeAddressHeader(bytes: Uint8Array): AddressHeader {
  const view = viewOfStruct(bytes, "struct ifaddrmsg", ADDRESS_HEADER_SIZE);
  return {
    family: view.getUint8(0),
    prefixLength: view.getUint8(1),
    flags: view.getUint8(2),
    scope: view.getUint8(3),
    index: view.getUint32(4, true),
  };
}
