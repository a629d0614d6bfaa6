import type { Moment } from "../../src/dhcp/asking.ts";
import type { Happened, StepOf } from "../../src/dhcp/client.ts";
import { readBootClock } from "../../src/linux/boot-clock.ts";
import { randomBytes } from "../../src/linux/random.ts";
import type { LeaseLink } from "./lease-link.ts";
import type { Wire } from "./wire.ts";

/** What happened to a client, with its servers in words. */
export type Told<Lease> = Happened<Lease, string>;

/** A client with its state and its sockets, of whichever family. */
export interface Conversation<Lease> {
  /** When advance() has something to do without an answer, in ms of the boot's clock. */
  readonly wakeAt: () => number;
  /** Whether it has a lease, and asks nobody for anything. */
  readonly isBound: () => boolean;
  /** Descriptors that are readable when a server has answered. */
  readonly fds: () => readonly number[];
  /** Opens the sockets. @throws LinuxError, CniError */
  readonly open: (place: LeaseLink) => void;
  /** Reads what has arrived for the next advance(). Returns whether anything has. @throws LinuxError if the link is down or gone */
  readonly listen: () => boolean;
  /** The client's next step. Returns what happened. */
  readonly advance: () => Told<Lease> | undefined;
  /** Sends the step's question. Returns whether it has one. @throws LinuxError, CniError: the question counts as lost */
  readonly send: (place: LeaseLink) => boolean;
  /** Closes the sockets, until a question opens them again. */
  readonly close: () => void;
  /** Closes the sockets for a process that ends soon. */
  readonly leave: () => void;
}

/** What differs between the families. */
export interface Protocol<State, Outgoing, Message, Lease, Server> {
  readonly advance: (
    moment: Moment,
    state: State,
    messages: readonly Message[],
  ) => StepOf<State, Outgoing, Happened<Lease, Server>>;
  readonly open: (place: LeaseLink) => Wire<Outgoing, Message>;
  readonly show: (server: Server) => string;
}

interface Waiting {
  readonly kind: string;
  readonly wakeAt: number;
}

/** Begins at a step whose question is still to be sent. `keep` makes of a lease what the caller wants to have of it. */
export function converse<State extends Waiting, Outgoing, Message, Lease, Server, Kept>(
  protocol: Protocol<State, Outgoing, Message, Lease, Server>,
  first: StepOf<State, Outgoing, unknown>,
  keep: (lease: Lease) => Kept,
): Conversation<Kept> {
  let { state, send: pending } = first;
  let wire: Wire<Outgoing, Message> | undefined;
  let heard: readonly Message[] = [];
  const open = (place: LeaseLink): Wire<Outgoing, Message> => {
    wire ??= protocol.open(place);
    return wire;
  };
  return {
    wakeAt: () => state.wakeAt,
    isBound: () => state.kind === "bound",
    fds: () => (wire === undefined ? [] : [wire.fd]),
    open,
    listen: () => {
      heard = wire?.receive() ?? [];
      return heard.length > 0;
    },
    advance: () => {
      if (pending !== undefined) return undefined;
      const step = protocol.advance(readMoment(), state, heard);
      heard = [];
      state = step.state;
      pending = step.send;
      return step.happened && tell(step.happened, keep, protocol.show);
    },
    send: (place) => {
      const outgoing = pending;
      pending = undefined;
      if (outgoing === undefined) return false;
      open(place).send(outgoing, place.container);
      return true;
    },
    close: () => {
      wire?.close();
      wire = undefined;
    },
    leave: () => {
      wire?.leave();
      wire = undefined;
    },
  };
}

/** The time of a step, and random numbers of the kernel. */
export function readMoment(): Moment {
  const random = () => new DataView(randomBytes(4).buffer).getUint32(0) / 2 ** 32;
  return { now: readBootClock(), random };
}

function tell<Lease, Server, Kept>(
  happened: Happened<Lease, Server>,
  keep: (lease: Lease) => Kept,
  show: (server: Server) => string,
): Told<Kept> {
  if (happened.kind === "leased") return { kind: "leased", lease: keep(happened.lease) };
  if (happened.kind === "expired") return happened;
  if (happened.kind === "offered") return { ...happened, server: show(happened.server) };
  return { ...happened, server: happened.server === undefined ? undefined : show(happened.server) };
}
