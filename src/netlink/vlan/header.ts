import { viewOf, viewOfStruct } from "../bytes.ts";

/** struct br_vlan_msg: what a message about the VLANs of a bridge or a port begins with. <linux/if_bridge.h> */
export interface VlanHeader {
  readonly family: number;
  /** The link's index. */
  readonly index: number;
}

/** sizeof(struct br_vlan_msg) */
export const VLAN_HEADER_SIZE = 8;

export function encodeVlanHeader(header: Partial<VlanHeader>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(VLAN_HEADER_SIZE);
  const view = viewOf(bytes);
  view.setUint8(0, header.family ?? 0);
  view.setUint32(4, header.index ?? 0, true);
  return bytes;
}

/** @throws RangeError when the input is shorter than the structure */
export function decodeVlanHeader(bytes: Uint8Array): VlanHeader {
  const view = viewOfStruct(bytes, "struct br_vlan_msg", VLAN_HEADER_SIZE);
  return { family: view.getUint8(0), index: view.getUint32(4, true) };
}
