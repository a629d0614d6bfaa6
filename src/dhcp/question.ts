import { type Address, encodeAddress } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import { EVERYONE, encodeDatagram } from "./datagram.ts";
import type { Lease } from "./lease.ts";
import { encodeMessage, OP, TYPE, UNSPECIFIED } from "./message.ts";
import { OPTION, type Options } from "./options.ts";

/** Who a client is, and what it asks for. */
export interface Identity {
  readonly mac: Mac;
  /** Option 61. */
  readonly clientId: Uint8Array;
  /** Further options of each question. */
  readonly provided: Options;
  /** The numbers of the options that it wants to know. */
  readonly requested: readonly number[];
  /** Whether servers have to broadcast their answers. */
  readonly broadcast: boolean;
}

/** A message to send: in a packet to everyone on the link, or by UDP from an address of the link to a server. */
export type Outgoing =
  | { readonly kind: "everyone"; readonly packet: Uint8Array }
  | { readonly kind: "server"; readonly payload: Uint8Array; readonly from: Address; readonly to: Address };

/** A question's number, and the seconds since the client began to ask. */
export interface Question {
  readonly xid: number;
  readonly secs: number;
}

/** The longest message that the client takes: a packet of 1500 bytes. */
const LONGEST_MESSAGE = Uint8Array.of(1500 >> 8, 1500 & 0xff);

/** Asks every server for an address, by choice one that the client had. RFC 2131, 4.4.1 */
export function discover(identity: Identity, question: Question, wanted?: Address): Outgoing {
  return toEveryone(identity, question, { type: TYPE.DISCOVER, options: wish(wanted) });
}

/** Takes what a server offers. RFC 2131, 4.3.2 */
export function select(
  identity: Identity,
  question: Question,
  { address, server }: { address: Address; server: Address },
): Outgoing {
  const options = [...wish(address), [OPTION.SERVER, encodeAddress(server)] as const];
  return toEveryone(identity, question, { type: TYPE.REQUEST, options });
}

/** Asks whether a lease still holds ("INIT-REBOOT"). RFC 2131, 4.3.2 */
export function reboot(identity: Identity, question: Question, { address }: Lease): Outgoing {
  return toEveryone(identity, question, { type: TYPE.REQUEST, options: wish(address) });
}

/** Asks the server of a lease for more time. RFC 2131, 4.3.2 */
export function renew(identity: Identity, question: Question, { address, server }: Lease): Outgoing {
  const payload = encode(identity, question, { type: TYPE.REQUEST, client: address, options: [] });
  return { kind: "server", payload, from: address, to: server };
}

/** Asks any server for more time. RFC 2131, 4.3.2 */
export function rebind(identity: Identity, question: Question, { address }: Lease): Outgoing {
  const payload = encode(identity, question, { type: TYPE.REQUEST, client: address, options: [] });
  return { kind: "everyone", packet: encodeDatagram(payload, { from: address, to: EVERYONE }) };
}

/** Gives a lease back. No server answers. RFC 2131, 4.4.6 */
export function release(
  { mac, clientId }: Pick<Identity, "mac" | "clientId">,
  xid: number,
  { address, server }: Pick<Lease, "address" | "server">,
): Outgoing {
  const options = new Map([
    [OPTION.MESSAGE_TYPE, Uint8Array.of(TYPE.RELEASE)],
    [OPTION.SERVER, encodeAddress(server)],
    [OPTION.CLIENT_ID, clientId],
  ]);
  const payload = encodeMessage({
    ...{ op: OP.REQUEST, xid, secs: 0, broadcast: false, mac, options },
    ...{ client: address, yours: UNSPECIFIED, relay: UNSPECIFIED },
  });
  return { kind: "server", payload, from: address, to: server };
}

interface Content {
  readonly type: number;
  /** The client's address, if it uses one. */
  readonly client?: Address;
  readonly options: readonly (readonly [number, Uint8Array])[];
}

function toEveryone(identity: Identity, question: Question, content: Content): Outgoing {
  const payload = encode(identity, question, content);
  return { kind: "everyone", packet: encodeDatagram(payload, { from: UNSPECIFIED, to: EVERYONE }) };
}

function encode(identity: Identity, { xid, secs }: Question, { type, client, options }: Content): Uint8Array {
  const { mac, clientId, provided, requested, broadcast } = identity;
  const parameters = requested.length === 0 ? [] : [[OPTION.PARAMETERS, Uint8Array.from(requested)] as const];
  return encodeMessage({
    ...{ op: OP.REQUEST, xid, secs: Math.min(secs, 0xffff), mac },
    ...{ client: client ?? UNSPECIFIED, yours: UNSPECIFIED, relay: UNSPECIFIED },
    // A client with an address gets answers there.
    broadcast: broadcast && client === undefined,
    options: new Map([
      [OPTION.MESSAGE_TYPE, Uint8Array.of(type)],
      [OPTION.CLIENT_ID, clientId],
      [OPTION.LONGEST_MESSAGE, LONGEST_MESSAGE],
      ...options,
      ...provided,
      ...parameters,
    ]),
  });
}

function wish(address: Address | undefined): readonly (readonly [number, Uint8Array])[] {
  return address === undefined ? [] : [[OPTION.REQUESTED_ADDRESS, encodeAddress(address)]];
}
