import { concat } from "../../platform/bytes.ts";

/** The numbers of options. RFC 8415, 21; 23 and 24: RFC 3646 */
export const OPTION = {
  CLIENT_ID: 1,
  SERVER_ID: 2,
  IA_NA: 3,
  IA_ADDRESS: 5,
  REQUESTED: 6,
  ELAPSED_TIME: 8,
  STATUS_CODE: 13,
  NAME_SERVERS: 23,
  DOMAIN_SEARCH: 24,
  SOL_MAX_RT: 82,
} as const;

/** Options in the order in which they are sent. One number may be there several times. */
export type Options = readonly (readonly [code: number, value: Uint8Array])[];

/** Bytes before a value: its number and its length. RFC 8415, 21.1 */
const HEADER = 4;

/** The bytes of options. */
export function encodeOptions(options: Options): Uint8Array {
  const parts = options.map(([code, value]) => {
    const bytes = new Uint8Array(HEADER + value.length);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, code);
    view.setUint16(2, value.length);
    bytes.set(value, HEADER);
    return bytes;
  });
  return concat([...parts]);
}

/** Reads options. @throws RangeError if one is cut */
export function decodeOptions(bytes: Uint8Array): Options {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const options: (readonly [number, Uint8Array])[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + HEADER <= bytes.length ? at + HEADER + view.getUint16(at + 2) : Infinity;
    if (end > bytes.length)
      throw new RangeError(`Cannot decode an option of a DHCPv6 message at byte ${at}: it is cut`);
    options.push([view.getUint16(at), bytes.subarray(at + HEADER, end)]);
    at = end;
  }
  return options;
}

/** The value of the first option of a number. */
export function findOption(options: Options, code: number): Uint8Array | undefined {
  return options.find(([each]) => each === code)?.[1];
}

/** What a server says of a question. RFC 8415, 21.13 */
export const STATUS = { SUCCESS: 0, UNSPECIFIED_FAILURE: 1, NO_ADDRESS: 2, NO_BINDING: 3, NOT_ON_LINK: 4 } as const;

/** The server's word and text in options; undefined for success, which a server may also leave out. */
export function findFailure(options: Options): { readonly code: number; readonly text: string } | undefined {
  const value = findOption(options, OPTION.STATUS_CODE);
  const [high, low] = value ?? [];
  if (value === undefined || high === undefined || low === undefined) return undefined;
  const code = (high << 8) | low;
  return code === STATUS.SUCCESS ? undefined : { code, text: new TextDecoder().decode(value.subarray(2)) };
}
