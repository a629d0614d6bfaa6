import { type Address, decodeAddress, encodeAddress } from "../ip/address.ts";
import { decodeMac, encodeMac, type Mac } from "../ip/mac.ts";
import { concat } from "../platform/bytes.ts";
import { decodeOptions, encodeOptions, OPTION, type Options } from "./options.ts";

/** Who sent a message. RFC 2131, 2 */
export const OP = { REQUEST: 1, REPLY: 2 } as const;

/** What a message is, in option 53. RFC 2132, 9.6 */
export const TYPE = { DISCOVER: 1, OFFER: 2, REQUEST: 3, DECLINE: 4, ACK: 5, NAK: 6, RELEASE: 7 } as const;

/** A message between client and server. An address that is not set is 0.0.0.0. RFC 2131, 2 */
export interface DhcpMessage {
  /** OP. */
  readonly op: number;
  /** The number that an answer has in common with its question. */
  readonly xid: number;
  /** Seconds since the client began to ask. */
  readonly secs: number;
  /** Whether the server has to broadcast its answer. */
  readonly broadcast: boolean;
  /** The client's address, if it uses one. */
  readonly client: Address;
  /** The address that the server gives ("yiaddr"). */
  readonly yours: Address;
  readonly relay: Address;
  /** The client's MAC. */
  readonly mac: Mac;
  /** TYPE and the rest, by number, in the order in which they are sent. */
  readonly options: Options;
}

/** 0.0.0.0 */
export const UNSPECIFIED: Address = { family: 4, value: 0n };

/** Where each field begins. RFC 2131, 2 */
const AT = {
  hardwareType: 1,
  hardwareLength: 2,
  xid: 4,
  secs: 8,
  flags: 10,
  client: 12,
  yours: 16,
  relay: 24,
  mac: 28,
  serverName: 44,
  file: 108,
  cookie: 236,
  options: 240,
} as const;

/** Ethernet. RFC 1700 */
const ETHERNET = 1;
const BROADCAST = 0x8000;
const COOKIE = 0x63825363;

/** Old servers and relays drop messages that are shorter. RFC 1542, 2.1 */
const SHORTEST = 300;

/** The bytes of a message. */
export function encodeMessage(message: DhcpMessage): Uint8Array {
  const options = encodeOptions(message.options);
  const bytes = new Uint8Array(Math.max(AT.options + options.length, SHORTEST));
  const view = new DataView(bytes.buffer);
  const mac = encodeMac(message.mac);
  bytes[0] = message.op;
  bytes[AT.hardwareType] = ETHERNET;
  bytes[AT.hardwareLength] = mac.length;
  view.setUint32(AT.xid, message.xid);
  view.setUint16(AT.secs, message.secs);
  view.setUint16(AT.flags, message.broadcast ? BROADCAST : 0);
  for (const field of ["client", "yours", "relay"] as const) bytes.set(encodeAddress(message[field]), AT[field]);
  bytes.set(mac, AT.mac);
  view.setUint32(AT.cookie, COOKIE);
  bytes.set(options, AT.options);
  return bytes;
}

/** Reads a message. Options of one number are one option (RFC 3396). @throws RangeError if it is too short, or cut within an option */
export function decodeMessage(bytes: Uint8Array): DhcpMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < AT.options || view.getUint32(AT.cookie) !== COOKIE)
    throw new RangeError(
      `Cannot decode a DHCP message of ${bytes.length} bytes: must have RFC 2131's header and cookie`,
    );
  const address = (at: number) => decodeAddress(bytes.subarray(at, at + 4));
  const hardwareLength = Math.min(bytes[AT.hardwareLength] ?? 0, AT.serverName - AT.mac);
  return {
    op: bytes[0] ?? 0,
    xid: view.getUint32(AT.xid),
    secs: view.getUint16(AT.secs),
    broadcast: (view.getUint16(AT.flags) & BROADCAST) !== 0,
    client: address(AT.client),
    yours: address(AT.yours),
    relay: address(AT.relay),
    mac: decodeMac(bytes.subarray(AT.mac, AT.mac + hardwareLength)),
    options: readOptions(bytes),
  };
}

/** The message's type; undefined for a message of BOOTP, which has none. */
export function typeOf({ options }: DhcpMessage): number | undefined {
  return options.get(OPTION.MESSAGE_TYPE)?.[0];
}

/** Fields that may hold further options, if option 52 says so. RFC 2132, 9.3 */
const OVERLOAD = { FILE: 1, SERVER_NAME: 2 } as const;

function readOptions(bytes: Uint8Array): Options {
  const options = decodeOptions(bytes.subarray(AT.options));
  const overload = options.get(OPTION.OVERLOAD)?.[0] ?? 0;
  const more = [
    ...(overload & OVERLOAD.FILE ? [decodeOptions(bytes.subarray(AT.file, AT.cookie))] : []),
    ...(overload & OVERLOAD.SERVER_NAME ? [decodeOptions(bytes.subarray(AT.serverName, AT.file))] : []),
  ];
  const all = new Map(options);
  for (const [code, value] of more.flatMap((each) => [...each])) {
    all.set(code, concat([all.get(code) ?? new Uint8Array(), value]));
  }
  return all;
}
