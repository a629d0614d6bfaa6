import { reasonOf } from "../../src/cni/error.ts";
import { advance, begin, hold, resume, type State, type Step } from "../../src/dhcp/client.ts";
import type { DhcpMessage } from "../../src/dhcp/message.ts";
import { findPrefixLength } from "../../src/dhcp/values.ts";
import { formatPrefix, isSamePrefix } from "../../src/ip/prefix.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { withHost } from "../../src/steps/host.ts";
import { readMoment } from "./acquire.ts";
import { changeAddress, limitAddress, takeAddress } from "./apply.ts";
import type { LeaseRecord, StoredLease } from "./lease-file.ts";
import { findLeaseLink, type LeaseLink } from "./lease-link.ts";
import { removeLease, replaceLease } from "./lease-store.ts";
import { openWire, type Wire } from "./wire.ts";

/** Where leases are, and where namespaces are: below `hostPrefix`, if the host's root is mounted there. */
export interface KeeperOptions {
  readonly folder: string;
  readonly hostPrefix: string;
  /** Whether the leases that are there already are asked for at once: nobody knows what has happened to them. */
  readonly resumes: boolean;
  readonly log: (line: string) => void;
}

/** One lease that is kept. */
export interface Job {
  stored: StoredLease;
  state: State;
  wire: Wire | undefined;
  /** When to look again whether the interface has the address, to limit its time; Infinity once it is limited. */
  limitAt: number;
  limitTries: number;
  /** Whether the address was taken from the interface when the lease was lost. */
  isTaken: boolean;
  /** No question is sent before this time: the interface could not be reached. */
  pausedUntil: number;
}

/** Pauses in ms before the next look for an address that an ADD has still to add, and for an interface that could not be reached. */
const LIMIT_PAUSE = 1000;
const MOST_LIMIT_TRIES = 60;
const ABSENT_PAUSE = 10_000;

/** A lease from its file. With `resumes` its server is asked at once. */
export function makeJob(stored: StoredLease, resumes: boolean): Job {
  const moment = readMoment();
  const { identity, lease } = stored.record;
  const rest = { stored, wire: undefined, limitAt: moment.now, limitTries: 0, isTaken: false, pausedUntil: 0 };
  if (lease.expireAt <= moment.now) {
    const { state } = begin(identity, moment, lease.address);
    return { ...rest, limitAt: Infinity, isTaken: true, state: { ...state, wakeAt: moment.now } };
  }
  const state = resumes ? { ...resume(identity, moment, lease).state, wakeAt: moment.now } : hold(lease);
  return { ...rest, state };
}

/** When something is due for a lease, in ms of the boot's clock. */
export function nextOf({ state, limitAt, pausedUntil }: Job): number {
  return Math.min(Math.max(state.wakeAt, pausedUntil), Math.max(limitAt, pausedUntil));
}

/** Does what is due for one lease; false if it is over. A failure of one lease is no failure of the others. */
export function serveJob(job: Job, options: KeeperOptions): boolean {
  try {
    return serve(job, options);
  } catch (error) {
    options.log(`${nameOf(job.stored.record)}: ${reasonOf(error)}`);
    job.pausedUntil = readMoment().now + ABSENT_PAUSE;
    return true;
  }
}

function serve(job: Job, options: KeeperOptions): boolean {
  const messages = job.wire === undefined ? [] : receive(job.wire);
  const { now } = readMoment();
  if (messages.length === 0 && now < nextOf(job)) return true;
  return withHost((host) => {
    const { record } = job.stored;
    const place = findLeaseLink(host, { ...record, netns: `${options.hostPrefix}${record.netns}` });
    if (place === undefined) return pause(job, options);
    const isKept = move(job, messages, { place, options });
    limitIfDue(job, place);
    return isKept;
  });
}

function receive(wire: Wire): readonly DhcpMessage[] {
  try {
    return wire.receive();
  } catch (error) {
    // The link is down, or gone.
    if (error instanceof LinuxError) return [];
    throw error;
  }
}

/** The interface cannot be reached: its container may have ended. Its lease is kept until it is over. */
function pause(job: Job, { folder, log }: KeeperOptions): boolean {
  const { now } = readMoment();
  const { record, path } = job.stored;
  job.wire?.close();
  job.wire = undefined;
  job.pausedUntil = now + ABSENT_PAUSE;
  if (now < record.lease.expireAt) return true;
  log(`${nameOf(record)}: the lease is over, and its interface is gone`);
  removeLease(folder, path);
  return false;
}

function limitIfDue(job: Job, place: LeaseLink): void {
  const { now } = readMoment();
  if (now < job.limitAt) return;
  job.limitTries += 1;
  const isDone = limitAddress(place, job.stored.record, now) || job.limitTries >= MOST_LIMIT_TRIES;
  job.limitAt = isDone ? Infinity : now + LIMIT_PAUSE;
}

interface Surroundings {
  readonly place: LeaseLink;
  readonly options: KeeperOptions;
}

/** The client's next step: what it sends, and what becomes of the interface and the file. */
function move(job: Job, messages: readonly DhcpMessage[], { place, options }: Surroundings): boolean {
  const { identity } = job.stored.record;
  const step = advance(identity, readMoment(), job.state, messages);
  job.state = step.state;
  const isKept = settle(job, step, { place, options });
  if (step.send !== undefined) {
    job.wire ??= openWire(place.container, place.link);
    send(job.wire, step.send, { place, options });
  }
  if (job.state.kind === "bound") {
    job.wire?.close();
    job.wire = undefined;
  }
  return isKept;
}

/** A question that cannot be sent is asked again later, as one that is lost. */
function send(wire: Wire, outgoing: NonNullable<Step["send"]>, { place, options }: Surroundings): void {
  try {
    wire.send(outgoing, place.container);
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
    options.log(`${place.link.name} in ${place.container.path}: ${error.message}`);
  }
}

/** Writes down what happened, and applies it; false if DEL or ADD has been faster. */
function settle(job: Job, { happened }: Step, { place, options }: Surroundings): boolean {
  const { record } = job.stored;
  const { now } = readMoment();
  if (happened === undefined || happened.kind === "offered") return true;
  if (happened.kind !== "leased") {
    const why = happened.kind === "expired" ? "no server has renewed it in time" : "a server refused it";
    options.log(`${nameOf(record)}: the lease of ${formatPrefix(record.prefix)} is lost: ${why}`);
    takeAddress(place, record.prefix);
    job.isTaken = true;
    return store(
      job,
      { ...record, lease: { ...record.lease, expireAt: Math.min(record.lease.expireAt, now) } },
      options,
    );
  }
  const { lease } = happened;
  const length = findPrefixLength(lease.options) ?? record.prefix.length;
  const renewed = { ...record, lease, prefix: { address: lease.address, length } };
  if (!store(job, renewed, options)) return false;
  const isSame = isSamePrefix(renewed.prefix, record.prefix);
  if (isSame && !job.isTaken) {
    job.limitAt = now;
    return true;
  }
  const found = isSame ? "has its address again" : `has ${formatPrefix(renewed.prefix)} instead`;
  options.log(`${nameOf(record)}: the interface of ${formatPrefix(record.prefix)} ${found}`);
  changeAddress(place, record.prefix, { record: renewed, now });
  job.isTaken = false;
  job.limitAt = Infinity;
  return true;
}

function store(job: Job, record: LeaseRecord, { folder }: KeeperOptions): boolean {
  const stored = replaceLease(folder, job.stored, record);
  if (stored !== undefined) job.stored = stored;
  return stored !== undefined;
}

function nameOf({ containerId, network, ifname }: LeaseRecord): string {
  return `${containerId}/${network}/${ifname}`;
}
