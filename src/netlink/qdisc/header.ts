import { viewOf, viewOfStruct } from "../bytes.ts";

/** struct tcmsg: what every message about a queueing discipline or a filter begins with. <linux/rtnetlink.h> */
export interface QdiscHeader {
  /** The link's index. */
  readonly index: number;
  /** The discipline's own number: 0x00010000 is what `tc` writes as 1: */
  readonly handle: number;
  /** Where on the link it is: TC_H. */
  readonly parent: number;
  /** Of a filter, its priority and protocol. */
  readonly info: number;
}

/** Places on a link that a discipline can be at. <linux/pkt_sched.h> */
export const TC_H = { ROOT: 0xffffffff, INGRESS: 0xfffffff1 } as const;

/** The number of each discipline that is made here, as `tc` writes it: 1: and ffff: */
export const HANDLE = { TOKEN_BUCKET: 0x00010000, INGRESS: 0xffff0000 } as const;

/** sizeof(struct tcmsg) <linux/rtnetlink.h> */
export const QDISC_HEADER_SIZE = 20;

export function encodeQdiscHeader(header: Partial<QdiscHeader>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(QDISC_HEADER_SIZE);
  const view = viewOf(bytes);
  view.setInt32(4, header.index ?? 0, true);
  view.setUint32(8, header.handle ?? 0, true);
  view.setUint32(12, header.parent ?? 0, true);
  view.setUint32(16, header.info ?? 0, true);
  return bytes;
}

/** @throws RangeError when the input is shorter than the structure */
export function decodeQdiscHeader(bytes: Uint8Array): QdiscHeader {
  const view = viewOfStruct(bytes, "struct tcmsg", QDISC_HEADER_SIZE);
  return {
    index: view.getInt32(4, true),
    handle: view.getUint32(8, true),
    parent: view.getUint32(12, true),
    info: view.getUint32(16, true),
  };
}
