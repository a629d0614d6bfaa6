import { concat } from "../../platform/bytes.ts";
import { decodeOptions, encodeOptions, type Options } from "./options.ts";

/** What a message is. RFC 8415, 7.3 */
export const TYPE = { SOLICIT: 1, ADVERTISE: 2, REQUEST: 3, RENEW: 5, REBIND: 6, REPLY: 7, RELEASE: 8 } as const;

/** A message between client and server. RFC 8415, 8 */
export interface Dhcp6Message {
  /** TYPE. */
  readonly type: number;
  /** The number of 24 bits that an answer has in common with its question. */
  readonly xid: number;
  readonly options: Options;
}

/** Type and number. */
const HEADER = 4;

/** The bytes of a message. */
export function encodeMessage({ type, xid, options }: Dhcp6Message): Uint8Array {
  const header = Uint8Array.of(type, xid >> 16, xid >> 8, xid);
  return concat([header, encodeOptions(options)]);
}

/** Reads a message. @throws RangeError if it is too short, or cut within an option */
export function decodeMessage(bytes: Uint8Array): Dhcp6Message {
  if (bytes.length < HEADER)
    throw new RangeError(`Cannot decode a DHCPv6 message of ${bytes.length} bytes: must have ${HEADER}`);
  const head = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  return { type: head >>> 24, xid: head & 0xffffff, options: decodeOptions(bytes.subarray(HEADER)) };
}
