import { type Address, isLoopback } from "../ip/address.ts";
import type { DhcpMessage } from "./message.ts";
import { OPTION, type Options } from "./options.ts";
import { findAddress, findSeconds } from "./values.ts";

/** What a server gave, and until when. Times are in ms of the caller's clock; Infinity is never. */
export interface Lease {
  readonly address: Address;
  /** The server that gave it, to which messages about it go. */
  readonly server: Address;
  /** When the client asks this server for more time (T1), and then any server (T2). */
  readonly renewAt: number;
  readonly rebindAt: number;
  readonly expireAt: number;
  /** All options of the server's answer. */
  readonly options: Options;
}

/** The lease of a server that names no time, in seconds. */
const DEFAULT_SECONDS = 3600;

/** The number of seconds that means for ever. RFC 2131, 3.3 */
const FOR_EVER = 0xffffffff;

/** The shortest lease that is taken literally, in seconds: a server that gives none at all would be asked without a pause. */
const SHORTEST_SECONDS = 2;

/** The lease in a server's ACK to a request of `askedAt`. Undefined if it names no server or no address that a host can have. */
export function readLease({ yours, options }: DhcpMessage, askedAt: number): Lease | undefined {
  const server = findAddress(options, OPTION.SERVER);
  if (server === undefined || !isHostAddress(yours)) return undefined;
  const seconds = Math.max(findSeconds(options, OPTION.LEASE_TIME) ?? DEFAULT_SECONDS, SHORTEST_SECONDS);
  const { renew, rebind } = seconds === FOR_EVER ? { renew: Infinity, rebind: Infinity } : readTimes(options, seconds);
  const expire = seconds === FOR_EVER ? Infinity : seconds;
  const at = (after: number) => askedAt + after * 1000;
  return { address: yours, server, renewAt: at(renew), rebindAt: at(rebind), expireAt: at(expire), options };
}

/** T1 and T2, by default half and seven eighths of the time; also where the server's are in no order. RFC 2131, 4.4.5 */
function readTimes(options: Options, seconds: number): { renew: number; rebind: number } {
  const rebind = findSeconds(options, OPTION.REBINDING_TIME) ?? seconds * 0.875;
  const renew = findSeconds(options, OPTION.RENEWAL_TIME) ?? Math.min(seconds * 0.5, rebind);
  // A client that asks when its time is over has lost the address.
  const isOrdered = renew > 0 && renew <= rebind && rebind <= seconds && renew < seconds;
  return isOrdered ? { renew, rebind } : { renew: seconds * 0.5, rebind: seconds * 0.875 };
}

/** Whether a host can have the address: not 0.0.0.0/8, 127.0.0.0/8, nor one above 223.255.255.255. */
export function isHostAddress(address: Address): boolean {
  return address.value >> 24n !== 0n && !isLoopback(address) && address.value >> 29n !== 0b111n;
}
