import type { Address } from "../ip/address.ts";
import { type Asking, ask, askAgain, askLater, type Moment, type Pacing, SHORTEST_PAUSE } from "./asking.ts";
import { isHostAddress, type Lease, readLease } from "./lease.ts";
import { type DhcpMessage, OP, TYPE, typeOf } from "./message.ts";
import { OPTION } from "./options.ts";
import { discover, type Identity, type Outgoing, rebind, reboot, renew, select } from "./question.ts";
import { findAddress, findText } from "./values.ts";

// The client of RFC 2131, figure 5, as values: a state and what happens give the next state and what to send.

/** An address that a server offers. */
interface Offer {
  readonly address: Address;
  readonly server: Address;
}

/** Where a client is. It has to be told of the time at `wakeAt`, in ms; a client with a lease knows it in each state. */
export type State =
  | (Asking & {
      readonly kind: "selecting";
      readonly wanted: Address | undefined;
      readonly failed?: Address | undefined;
    })
  | (Asking & { readonly kind: "requesting"; readonly offer: Offer; readonly wanted: Address | undefined })
  | (Asking & { readonly kind: "rebooting" | "renewing" | "rebinding"; readonly lease: Lease })
  | { readonly kind: "bound"; readonly lease: Lease; readonly wakeAt: number };

/** What happened to a client in one step. S names a server. */
export type Happened<L, S> =
  | { readonly kind: "offered"; readonly server: S; readonly address: Address }
  | { readonly kind: "leased"; readonly lease: L }
  /** A server said no (NAK): a lease that the client had is lost. */
  | { readonly kind: "refused"; readonly server: S | undefined; readonly text: string | undefined }
  | { readonly kind: "expired" };

/** The next state of a client, what to send, and what happened. */
export interface StepOf<State, Outgoing, Happened> {
  readonly state: State;
  readonly send?: Outgoing;
  readonly happened?: Happened;
}

/** A step of this client. */
export type Step = StepOf<State, Outgoing, Happened<Lease, Address>>;

/** RFC 2131, 4.1 */
const PACING: Pacing = { xidBits: 32, first: 2000, longest: 32_000, jitter: 0.25 };

/** How often a client asks for what it was offered, or whether its lease holds. */
const TRIES = 3;

/**
 * A client without a lease asks for one; `wanted` is an address that it had, `failed` a server that did not confirm what it offered: the
 * first question is for the others.
 */
export function begin(identity: Identity, moment: Moment, wanted?: Address, failed?: Address): Step {
  const asking = ask(moment, PACING);
  const send = discover(identity, questionOf(asking), wanted);
  return { state: { kind: "selecting", wanted, failed, ...asking }, send };
}

/** A client that kept a lease over a restart asks whether it holds. RFC 2131, 3.2 */
export function resume(identity: Identity, moment: Moment, lease: Lease): Step {
  if (moment.now >= lease.expireAt) return { ...begin(identity, moment, lease.address), happened: { kind: "expired" } };
  const asking = ask(moment, PACING);
  return { state: { kind: "rebooting", lease, ...asking }, send: reboot(identity, questionOf(asking), lease) };
}

/** A client that has a lease and asks nobody until T1. */
export function hold(lease: Lease): State {
  return { kind: "bound", lease, wakeAt: lease.renewAt };
}

/** The step of a client that has received messages: that of the first answer among them. Without one, the step of the time. */
export function advance(identity: Identity, moment: Moment, state: State, messages: readonly DhcpMessage[]): Step {
  for (const message of messages) {
    const step = receive(identity, moment, state, message);
    if (step.state !== state) return step;
  }
  return wake(identity, moment, state);
}

/** Tells the client the time. Before `wakeAt` nothing happens. */
export function wake(identity: Identity, moment: Moment, state: State): Step {
  if (moment.now < state.wakeAt) return { state };
  if (state.kind === "selecting") {
    const asking = askAgain(state, moment, PACING);
    return { state: { ...state, ...asking }, send: discover(identity, questionOf(asking), state.wanted) };
  }
  if (state.kind === "requesting") {
    if (state.tries >= TRIES) return begin(identity, moment, state.wanted, state.offer.server);
    const asking = askAgain(state, moment, PACING);
    return { state: { ...state, ...asking }, send: select(identity, questionOf(asking), state.offer) };
  }
  const { lease } = state;
  if (moment.now >= lease.expireAt) return { ...begin(identity, moment, lease.address), happened: { kind: "expired" } };
  if (state.kind === "rebooting" && state.tries < TRIES) {
    const asking = askAgain(state, moment, PACING);
    return { state: { ...state, ...asking }, send: reboot(identity, questionOf(asking), lease) };
  }
  return moment.now < lease.renewAt ? { state: hold(lease) } : extend(identity, moment, state);
}

/** Hands the client a message. One that is no answer to its question changes nothing. */
export function receive(identity: Identity, moment: Moment, state: State, message: DhcpMessage): Step {
  if (state.kind === "bound" || !isAnswer(message, identity, state)) return { state };
  const type = typeOf(message);
  const server = findAddress(message.options, OPTION.SERVER);
  if (state.kind === "selecting") return consider(identity, moment, state, message);
  // A server that was not chosen has no say.
  if (state.kind === "requesting" && server?.value !== state.offer.server.value) return { state };
  if (type === TYPE.NAK) return refuse(moment, message, state.kind === "requesting" ? server : undefined);
  const lease = type === TYPE.ACK ? readLease(message, state.askedAt) : undefined;
  return lease === undefined ? { state } : { state: hold(lease), happened: { kind: "leased", lease } };
}

/** Takes an offer, unless it is of a server that failed, and others have not been asked yet. */
function consider(
  identity: Identity,
  moment: Moment,
  state: Extract<State, { kind: "selecting" }>,
  message: DhcpMessage,
): Step {
  const { yours: address } = message;
  const server = findAddress(message.options, OPTION.SERVER);
  if (typeOf(message) !== TYPE.OFFER || server === undefined || !isHostAddress(address)) return { state };
  if (state.tries < 2 && server.value === state.failed?.value) return { state };
  const offer = { address, server };
  const asking = { ...ask(moment, PACING), xid: state.xid };
  const send = select(identity, { xid: asking.xid, secs: secondsOf(moment.now - state.since) }, offer);
  const happened = { kind: "offered", ...offer } as const;
  return { state: { kind: "requesting", offer, wanted: state.wanted, ...asking }, send, happened };
}

function isAnswer(message: DhcpMessage, identity: Identity, state: Asking): boolean {
  return message.op === OP.REPLY && message.xid === state.xid && message.mac === identity.mac;
}

/** After a pause the client asks for another address: a server that says no would say it at once again. RFC 2131, 3.1 */
function refuse(moment: Moment, { options }: DhcpMessage, failed: Address | undefined): Step {
  return {
    state: { kind: "selecting", wanted: undefined, failed, ...askLater(moment, PACING) },
    happened: {
      kind: "refused",
      server: findAddress(options, OPTION.SERVER),
      text: findText(options, OPTION.TEXT),
    },
  };
}

/** Asks the lease's server for more time from T1 on, and any server from T2 on: at half of the time that is left. RFC 2131, 4.4.5 */
function extend(identity: Identity, moment: Moment, state: Extract<State, { lease: Lease }>): Step {
  const { lease } = state;
  const kind = moment.now < lease.rebindAt ? "renewing" : "rebinding";
  const until = kind === "renewing" ? lease.rebindAt : lease.expireAt;
  const pause = Math.max((until - moment.now) / 2, SHORTEST_PAUSE);
  const first = state.kind === kind ? state : { ...ask(moment, PACING), tries: 0 };
  const asking = { ...first, askedAt: moment.now, tries: first.tries + 1, wakeAt: Math.min(moment.now + pause, until) };
  const question = questionOf(asking);
  const send = kind === "renewing" ? renew(identity, question, lease) : rebind(identity, question, lease);
  return { state: { ...asking, kind, lease }, send };
}

function questionOf({ xid, since, askedAt }: Asking): { xid: number; secs: number } {
  return { xid, secs: secondsOf(askedAt - since) };
}

function secondsOf(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
