import { align, viewOf, viewOfStruct } from "./bytes.ts";

/** One netlink message: struct nlmsghdr without its length, and the payload. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** The port of the socket; 0 in our messages. */
  readonly port: number;
  readonly payload: Uint8Array;
}

/** Messages of netlink itself. <linux/netlink.h> */
export const NLMSG = { ERROR: 2, DONE: 3 } as const;

/** Message flags. Some share a bit and depend on the kind of request. <linux/netlink.h> */
export const NLM_F = {
  REQUEST: 0x1,
  MULTI: 0x2,
  ACK: 0x4,
  ECHO: 0x8,
  DUMP_INTR: 0x10,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
  CAPPED: 0x100,
  ACK_TLVS: 0x200,
} as const;

/** sizeof(struct nlmsghdr): u32 length, u16 type, u16 flags, u32 sequence, u32 port. <linux/netlink.h> */
export const HEADER_SIZE = 16;

/** The messages one after another, each padded to 4 bytes, as one datagram. */
export function encodeMessages(messages: readonly Message[]): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (const { payload } of messages) size += align(HEADER_SIZE + payload.length);
  const bytes = new Uint8Array(size);
  const view = viewOf(bytes);
  let offset = 0;
  for (const { type, flags, sequence, port, payload } of messages) {
    const length = HEADER_SIZE + payload.length;
    view.setUint32(offset, length, true);
    view.setUint16(offset + 4, type, true);
    view.setUint16(offset + 6, flags, true);
    view.setUint32(offset + 8, sequence, true);
    view.setUint32(offset + 12, port, true);
    bytes.set(payload, offset + HEADER_SIZE);
    offset += align(length);
  }
  return bytes;
}

/** The messages of one datagram. @throws RangeError if one exceeds the end */
export function decodeMessages(bytes: Uint8Array): readonly Message[] {
  const messages: Message[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const view = viewOfStruct(bytes.subarray(offset), "struct nlmsghdr", HEADER_SIZE);
    const length = view.getUint32(0, true);
    if (length < HEADER_SIZE || offset + length > bytes.length) {
      throw new RangeError(`Cannot decode a message: length ${length}, but ${bytes.length - offset} bytes are left`);
    }
    messages.push({
      type: view.getUint16(4, true),
      flags: view.getUint16(6, true),
      sequence: view.getUint32(8, true),
      port: view.getUint32(12, true),
      payload: bytes.subarray(offset + HEADER_SIZE, offset + length),
    });
    offset += align(length);
  }
  return messages;
}
