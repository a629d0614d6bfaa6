import { concat } from "../platform/bytes.ts";

/** The numbers of options. RFC 2132; 77: RFC 3004; 119: RFC 3397; 121: RFC 3442 */
export const OPTION = {
  SUBNET_MASK: 1,
  ROUTERS: 3,
  NAME_SERVERS: 6,
  HOST_NAME: 12,
  DOMAIN: 15,
  MTU: 26,
  STATIC_ROUTES: 33,
  REQUESTED_ADDRESS: 50,
  LEASE_TIME: 51,
  OVERLOAD: 52,
  MESSAGE_TYPE: 53,
  SERVER: 54,
  PARAMETERS: 55,
  TEXT: 56,
  LONGEST_MESSAGE: 57,
  RENEWAL_TIME: 58,
  REBINDING_TIME: 59,
  VENDOR_CLASS: 60,
  CLIENT_ID: 61,
  USER_CLASS: 77,
  DOMAIN_SEARCH: 119,
  CLASSLESS_ROUTES: 121,
} as const;

/** Options by number, in the order in which they are sent. */
export type Options = ReadonlyMap<number, Uint8Array>;

/** Two numbers without a length: one that only fills space, and the end of all options. RFC 2132, 3 */
const PAD = 0;
const END = 255;

/** The most bytes of a value. A longer one is sent in pieces. RFC 3396 */
export const LONGEST_VALUE = 255;

/** The bytes of options, with the mark of their end. */
export function encodeOptions(options: Options): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [code, value] of options) {
    for (let at = 0; at === 0 || at < value.length; at += LONGEST_VALUE) {
      const piece = value.subarray(at, at + LONGEST_VALUE);
      parts.push(Uint8Array.of(code, piece.length), piece);
    }
  }
  return concat([...parts, Uint8Array.of(END)]);
}

/** Reads options up to the mark of their end. @throws RangeError if one is cut */
export function decodeOptions(bytes: Uint8Array): Options {
  const options = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at] ?? END;
    if (code === END) break;
    if (code === PAD) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1];
    if (length === undefined || at + 2 + length > bytes.length)
      throw new RangeError(`Cannot decode option ${code} of a DHCP message: it is cut`);
    const value = bytes.subarray(at + 2, at + 2 + length);
    options.set(code, concat([options.get(code) ?? new Uint8Array(), value]));
    at += 2 + length;
  }
  return options;
}
