import { type Address, isLinkLocal } from "../../ip/address.ts";
import { decodeIfWhole } from "../decode.ts";
import type { Options as KnownOptions } from "../options.ts";
import { type AssociatedAddress, type Association, decodeAssociatedAddress, decodeAssociation } from "./association.ts";
import type { Dhcp6Message } from "./message.ts";
import { findFailure, findOption, OPTION, STATUS } from "./options.ts";

/** What a server gave, and until when. Times are in ms of the caller's clock; Infinity is never. */
export interface Lease6 {
  readonly address: Address;
  /** The identifier (DUID) of the server that gave it. */
  readonly server: Uint8Array;
  /** When the client asks this server for more time (T1), and then any server (T2). */
  readonly renewAt: number;
  readonly rebindAt: number;
  /** Until when new connections use the address. */
  readonly preferUntil: number;
  readonly expireAt: number;
  /** Options 23 and 24 of the server's answer, by number. */
  readonly options: KnownOptions;
}

/** The number of seconds that means for ever. RFC 8415, 7.7 */
const FOR_EVER = 0xffffffff;

/** The shortest lease that is taken literally, in seconds: a server that gives less would be asked without a pause. */
const SHORTEST_SECONDS = 2;

/** The lease in a server's answer to a question of `askedAt`. Undefined if it gives the association no address that a host can have. */
export function readLease(message: Dhcp6Message, iaid: number, askedAt: number): Lease6 | undefined {
  const server = findOption(message.options, OPTION.SERVER_ID);
  const association = findAssociation(message, iaid);
  const given = association && findGiven(association);
  if (server === undefined || association === undefined || given === undefined) return undefined;
  const valid = secondsOf(Math.max(given.valid, SHORTEST_SECONDS));
  const preferred = Math.min(secondsOf(given.preferred), valid);
  const { renew, rebind } = readTimes(association, preferred === 0 ? valid : preferred);
  const at = (after: number) => askedAt + after * 1000;
  return {
    address: given.address,
    server,
    ...{ renewAt: at(renew), rebindAt: at(rebind), preferUntil: at(preferred), expireAt: at(valid) },
    options: keepOptions(message),
  };
}

/**
 * Why a server's answer gives no address, in its words: "" if it has none. Undefined if the answer says nothing about the association,
 * or only that the server could not answer now.
 */
export function readRefusal(message: Dhcp6Message, iaid: number): string | undefined {
  const association = findAssociation(message, iaid);
  const failure = (association && findFailure(association.options)) ?? findFailure(message.options);
  if (failure?.code === STATUS.UNSPECIFIED_FAILURE) return undefined;
  return failure?.text ?? (association === undefined ? undefined : "");
}

function keepOptions({ options }: Dhcp6Message): KnownOptions {
  const kept = new Map<number, Uint8Array>();
  for (const code of [OPTION.NAME_SERVERS, OPTION.DOMAIN_SEARCH]) {
    const value = findOption(options, code);
    if (value !== undefined) kept.set(code, value);
  }
  return kept;
}

/** T1 and T2, by default half and four fifths of the time; also where the server's are in no order. RFC 8415, 14.2 and 21.4 */
function readTimes({ renew, rebind }: Association, seconds: number): { renew: number; rebind: number } {
  // A client that asks when its time is over has lost the address.
  const isOrdered = renew > 0 && renew <= rebind && secondsOf(rebind) <= seconds && renew < seconds;
  return isOrdered
    ? { renew: secondsOf(renew), rebind: secondsOf(rebind) }
    : { renew: seconds * 0.5, rebind: seconds * 0.8 };
}

/** The association of that number. One that is cut counts as missing. */
function findAssociation({ options }: Dhcp6Message, iaid: number): Association | undefined {
  const values = options.filter(([code]) => code === OPTION.IA_NA);
  return values.flatMap(([, value]) => decodeIfWhole(decodeAssociation, value)).find((each) => each.iaid === iaid);
}

/** The first address that is valid and that a host can have. */
function findGiven({ options }: Association): AssociatedAddress | undefined {
  const values = options.filter(([code]) => code === OPTION.IA_ADDRESS);
  const all = values.flatMap(([, value]) => decodeIfWhole(decodeAssociatedAddress, value));
  return all.find(
    ({ address, preferred, valid, options: own }) =>
      valid > 0 && preferred <= valid && findFailure(own) === undefined && isHostAddress(address),
  );
}

/** Whether a host can have the address as one that a server gives: not ::/80, which has the loopback address and those of IPv4, fe80::/10 or ff00::/8. */
function isHostAddress(address: Address): boolean {
  return address.value >> 48n !== 0n && address.value >> 120n !== 0xffn && !isLinkLocal(address);
}

function secondsOf(seconds: number): number {
  return seconds === FOR_EVER ? Infinity : seconds;
}
