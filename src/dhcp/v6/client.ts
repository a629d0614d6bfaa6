import type { Address } from "../../ip/address.ts";
import { isSameBytes } from "../../platform/bytes.ts";
import { type Asking, ask, askAgain, askLater, type Moment, SHORTEST_PAUSE } from "../asking.ts";
import type { Happened, StepOf } from "../client.ts";
import { type Lease6, readLease, readRefusal } from "./lease.ts";
import { type Dhcp6Message, TYPE } from "./message.ts";
import { findOption, OPTION } from "./options.ts";
import { type Identity6, type Question6, rebind, renew, request, solicit } from "./question.ts";

// The client of RFC 8415, 18.2, for one address (IA_NA), as values: a state and what happens give the next state and what to send.

/** An address that a server, by its identifier, offers. */
type Offer = Pick<Lease6, "address" | "server">;

/** Where a client is. It has to be told of the time at `wakeAt`, in ms; a client with a lease knows it in each state. */
export type State6 =
  | (Asking & {
      readonly kind: "selecting";
      readonly wanted: Address | undefined;
      readonly failed?: Uint8Array | undefined;
    })
  | (Asking & { readonly kind: "requesting"; readonly offer: Offer; readonly wanted: Address | undefined })
  | (Asking & { readonly kind: "renewing" | "rebinding"; readonly lease: Lease6 })
  | { readonly kind: "bound"; readonly lease: Lease6; readonly wakeAt: number };

/** The next state, the message to send to all servers, and what happened. */
export type Step6 = StepOf<State6, Uint8Array, Happened<Lease6, Uint8Array>>;

const XID_BITS = 24;

/** RFC 8415, 15 and 7.6 */
const PACING = {
  selecting: { xidBits: XID_BITS, jitter: 0.1, first: 1000, longest: 120_000 },
  requesting: { xidBits: XID_BITS, jitter: 0.1, first: 1000, longest: 30_000 },
  extending: { xidBits: XID_BITS, jitter: 0.1, first: 10_000, longest: 600_000 },
} as const;

/** How often a client asks for what it was offered. */
const TRIES = 4;

/**
 * A client without a lease asks for one; `wanted` is an address that it had, `failed` a server that did not confirm what it offered: the
 * first question is for the others.
 */
export function begin(identity: Identity6, moment: Moment, wanted?: Address, failed?: Uint8Array): Step6 {
  const asking = ask(moment, PACING.selecting);
  const send = solicit(identity, questionOf(asking), wanted);
  return { state: { kind: "selecting", wanted, failed, ...asking }, send };
}

/** A client that has a lease and asks nobody until T1. */
export function hold(lease: Lease6): State6 {
  return { kind: "bound", lease, wakeAt: lease.renewAt };
}

/** The step of a client that has received messages: that of an answer that gives an address, before one that refuses. Else the time's. */
export function advance(identity: Identity6, moment: Moment, state: State6, messages: readonly Dhcp6Message[]): Step6 {
  const steps = messages
    .map((message) => receive(identity, moment, state, message))
    .filter((step) => step.state !== state);
  return steps.find(({ happened }) => happened?.kind !== "refused") ?? steps[0] ?? wake(identity, moment, state);
}

/** Tells the client the time. Before `wakeAt` nothing happens. */
export function wake(identity: Identity6, moment: Moment, state: State6): Step6 {
  if (moment.now < state.wakeAt) return { state };
  if (state.kind === "selecting") {
    const asking = askAgain(state, moment, PACING.selecting);
    return { state: { ...state, ...asking }, send: solicit(identity, questionOf(asking), state.wanted) };
  }
  if (state.kind === "requesting") {
    if (state.tries >= TRIES) return begin(identity, moment, state.wanted, state.offer.server);
    const asking = askAgain(state, moment, PACING.requesting);
    return { state: { ...state, ...asking }, send: request(identity, questionOf(asking), state.offer) };
  }
  const { lease } = state;
  if (moment.now >= lease.expireAt) return { ...begin(identity, moment, lease.address), happened: { kind: "expired" } };
  return extend(identity, moment, state);
}

/** Hands the client a message. One that is no answer to its question changes nothing. */
export function receive(identity: Identity6, moment: Moment, state: State6, message: Dhcp6Message): Step6 {
  const server = findOption(message.options, OPTION.SERVER_ID);
  if (state.kind === "bound" || server === undefined || !isAnswer(message, identity, state)) return { state };
  const lease = readLease(message, identity.iaid, state.askedAt);
  const text = lease === undefined ? readRefusal(message, identity.iaid) : undefined;
  const refused = { kind: "refused", server, text: text === "" ? undefined : text } as const;
  if (state.kind === "selecting") {
    if (lease !== undefined) return take(identity, moment, state, lease);
    // Another server may still offer one.
    return text === undefined ? { state } : { state: { ...state }, happened: refused };
  }
  // A server that was not asked has no say.
  const asked =
    state.kind === "requesting" ? state.offer.server : state.kind === "renewing" ? state.lease.server : server;
  if (!isSameBytes(asked, server)) return { state };
  if (lease !== undefined) return { state: hold(lease), happened: { kind: "leased", lease } };
  return text === undefined ? { state } : { state: afterRefusal(moment, state, server), happened: refused };
}

function isAnswer(
  { type, xid, options }: Dhcp6Message,
  { duid }: Identity6,
  state: Exclude<State6, { kind: "bound" }>,
): boolean {
  const expected = state.kind === "selecting" ? TYPE.ADVERTISE : TYPE.REPLY;
  const client = findOption(options, OPTION.CLIENT_ID);
  return type === expected && xid === state.xid && client !== undefined && isSameBytes(client, duid);
}

/**
 * Takes the first offer, as clients of IPv4 do, without a wait for better ones, unless it is of a server that failed, and others have not
 * been asked yet.
 */
function take(identity: Identity6, moment: Moment, state: Extract<State6, { kind: "selecting" }>, offer: Offer): Step6 {
  const { address, server } = offer;
  if (state.tries < 2 && state.failed !== undefined && isSameBytes(state.failed, server)) return { state };
  const asking = ask(moment, PACING.requesting);
  return {
    state: { kind: "requesting", offer: { address, server }, wanted: state.wanted, ...asking },
    send: request(identity, questionOf(asking), offer),
    happened: { kind: "offered", address, server },
  };
}

/** After a pause the client asks for another address: a server that says no would say it at once again. */
function afterRefusal(moment: Moment, { kind }: State6, server: Uint8Array): State6 {
  const failed = kind === "requesting" ? server : undefined;
  return { kind: "selecting", wanted: undefined, failed, ...askLater(moment, PACING.selecting) };
}

/** Asks the lease's server for more time from T1 on, and any server from T2 on. Short leases are asked for at half of the time that is left. */
function extend(identity: Identity6, moment: Moment, state: Extract<State6, { lease: Lease6 }>): Step6 {
  const { lease } = state;
  const { now } = moment;
  const kind = now < lease.rebindAt ? "renewing" : "rebinding";
  const until = kind === "renewing" ? lease.rebindAt : lease.expireAt;
  const next = state.kind === kind ? askAgain(state, moment, PACING.extending) : ask(moment, PACING.extending);
  const pause = Math.min(next.wakeAt - now, Math.max((until - now) / 2, SHORTEST_PAUSE));
  const asking = { ...next, wakeAt: Math.min(now + pause, until) };
  const question = questionOf(asking);
  const send = kind === "renewing" ? renew(identity, question, lease) : rebind(identity, question, lease);
  return { state: { ...asking, kind, lease }, send };
}

function questionOf({ xid, since, askedAt }: Asking): Question6 {
  return { xid, elapsed: askedAt - since };
}
