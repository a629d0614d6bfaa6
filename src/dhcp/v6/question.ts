import type { Address } from "../../ip/address.ts";
import { encodeAssociatedAddress, encodeAssociation } from "./association.ts";
import type { Lease6 } from "./lease.ts";
import { encodeMessage, TYPE } from "./message.ts";
import { OPTION, type Options } from "./options.ts";

/** Who a client is. RFC 8415, 11 and 12 */
export interface Identity6 {
  /** The client's identifier (DUID). */
  readonly duid: Uint8Array;
  /** The number of the interface, 32 bits. */
  readonly iaid: number;
}

/** A question's number of 24 bits, and the milliseconds since the client began to ask. */
export interface Question6 {
  readonly xid: number;
  readonly elapsed: number;
}

/** What the client wants to know. RFC 8415, 18.2.1 asks for the last one. */
const REQUESTED = Uint8Array.from([OPTION.NAME_SERVERS, OPTION.DOMAIN_SEARCH, OPTION.SOL_MAX_RT].flatMap(twoBytes));

/** Asks every server for an address, by choice one that the client had. RFC 8415, 18.2.1 */
export function solicit(identity: Identity6, question: Question6, wanted?: Address): Uint8Array {
  return encode(identity, question, { type: TYPE.SOLICIT, address: wanted });
}

/** Takes what a server offers. RFC 8415, 18.2.2 */
export function request(
  identity: Identity6,
  question: Question6,
  offer: Pick<Lease6, "address" | "server">,
): Uint8Array {
  return encode(identity, question, { type: TYPE.REQUEST, ...offer });
}

/** Asks the server of a lease for more time. RFC 8415, 18.2.4 */
export function renew(identity: Identity6, question: Question6, { address, server }: Lease6): Uint8Array {
  return encode(identity, question, { type: TYPE.RENEW, address, server });
}

/** Asks any server for more time. RFC 8415, 18.2.5 */
export function rebind(identity: Identity6, question: Question6, { address }: Lease6): Uint8Array {
  return encode(identity, question, { type: TYPE.REBIND, address });
}

/** Gives a lease back. RFC 8415, 18.2.7 */
export function release(
  identity: Identity6,
  xid: number,
  { address, server }: Pick<Lease6, "address" | "server">,
): Uint8Array {
  return encode(identity, { xid, elapsed: 0 }, { type: TYPE.RELEASE, address, server });
}

interface Content {
  readonly type: number;
  readonly address: Address | undefined;
  readonly server?: Uint8Array;
}

/** All messages of a client have one form. Times that it would like are 0: the server decides. */
function encode(
  { duid, iaid }: Identity6,
  { xid, elapsed }: Question6,
  { type, address, server }: Content,
): Uint8Array {
  const addresses: Options =
    address === undefined
      ? []
      : [[OPTION.IA_ADDRESS, encodeAssociatedAddress({ address, preferred: 0, valid: 0, options: [] })]];
  const hundredths = Math.min(Math.floor(elapsed / 10), 0xffff);
  const options: Options = [
    [OPTION.CLIENT_ID, duid],
    ...(server === undefined ? [] : [[OPTION.SERVER_ID, server] as const]),
    [OPTION.IA_NA, encodeAssociation({ iaid, renew: 0, rebind: 0, options: addresses })],
    [OPTION.ELAPSED_TIME, Uint8Array.from(twoBytes(hundredths))],
    ...(type === TYPE.RELEASE ? [] : [[OPTION.REQUESTED, REQUESTED] as const]),
  ];
  return encodeMessage({ type, xid, options });
}

function twoBytes(number: number): readonly [number, number] {
  return [number >> 8, number & 0xff];
}
