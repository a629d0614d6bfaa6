import { reasonOf } from "../../src/cni/error.ts";
import { formatPrefix, isSamePrefix } from "../../src/ip/prefix.ts";
import { readBootClock } from "../../src/linux/boot-clock.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import { withHost } from "../../src/steps/host.ts";
import { logging } from "../../src/steps/logging.ts";
import { changeAddress, limitAddress, takeAddress } from "./apply.ts";
import { addRoutes, replaceRoutes } from "./change-routes.ts";
import type { Conversation, Told } from "./conversation.ts";
import { keepLease } from "./lease-client.ts";
import type { StoredLease } from "./lease-file.ts";
import { findLeaseLink, type LeaseLink } from "./lease-link.ts";
import type { LeaseRecord } from "./lease-record.ts";
import { removeLease, replaceLease } from "./lease-store.ts";

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
  readonly client: Conversation<LeaseRecord>;
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
  const now = readBootClock();
  const client = keepLease(stored.record, resumes);
  const isTaken = stored.record.lease.expireAt <= now;
  return { stored, client, limitAt: isTaken ? Infinity : now, limitTries: 0, isTaken, pausedUntil: 0 };
}

/** When something is due for a lease, in ms of the boot's clock. */
export function nextOf({ client, limitAt, pausedUntil }: Job): number {
  return Math.max(Math.min(client.wakeAt(), limitAt), pausedUntil);
}

/** Does what is due for one lease; false if it is over. A failure of one lease is no failure of the others. */
export function serveJob(job: Job, options: KeeperOptions): boolean {
  try {
    return serve(job, options);
  } catch (error) {
    options.log(`${nameOf(job.stored.record)}: ${reasonOf(error)}`);
    job.pausedUntil = readBootClock() + ABSENT_PAUSE;
    return true;
  }
}

function serve(job: Job, options: KeeperOptions): boolean {
  const hasHeard = listen(job.client);
  if (!hasHeard && readBootClock() < nextOf(job)) return true;
  return withHost((host) => {
    const { record } = job.stored;
    const place = findLeaseLink(host, { ...record, netns: `${options.hostPrefix}${record.netns}` });
    if (place === undefined) return pause(job, options);
    const happened = job.client.advance();
    // The sockets are open only while it waits for an answer.
    if (job.client.isBound()) job.client.close();
    const isKept = settle(job, happened, { place, options });
    send(job.client, { place, options });
    limitIfDue(job, place);
    return isKept;
  });
}

function listen(client: Conversation<LeaseRecord>): boolean {
  // The link is down, or gone.
  return ignoring([LinuxError], () => client.listen()) ?? false;
}

/** The interface cannot be reached: its container may have ended. Its lease is kept until it is over. */
function pause(job: Job, { folder, log }: KeeperOptions): boolean {
  const now = readBootClock();
  const { record, path } = job.stored;
  job.client.close();
  job.pausedUntil = now + ABSENT_PAUSE;
  if (now < record.lease.expireAt) return true;
  log(`${nameOf(record)}: the lease is over, and its interface is gone`);
  removeLease(folder, path);
  return false;
}

function limitIfDue(job: Job, place: LeaseLink): void {
  const now = readBootClock();
  if (now < job.limitAt) return;
  job.limitTries += 1;
  const isDone = limitAddress(place, job.stored.record, now) || job.limitTries >= MOST_LIMIT_TRIES;
  job.limitAt = isDone ? Infinity : now + LIMIT_PAUSE;
}

interface Surroundings {
  readonly place: LeaseLink;
  readonly options: KeeperOptions;
}

/** A question that cannot be sent is asked again later, as one that is lost. */
function send(client: Conversation<LeaseRecord>, { place, options }: Surroundings): void {
  const what = `${place.link.name} in ${place.container.path}`;
  logging([LinuxError], { log: options.log, what }, () => client.send(place));
}

/** Writes down what happened, and applies it; false if DEL or ADD has been faster. */
function settle(job: Job, happened: Told<LeaseRecord> | undefined, { place, options }: Surroundings): boolean {
  const { record } = job.stored;
  const now = readBootClock();
  if (happened === undefined || happened.kind === "offered") return true;
  if (happened.kind !== "leased") {
    takeAddress(place, record.prefix);
    job.isTaken = true;
    // A server that says no to every question is logged once.
    if (happened.kind === "refused" && record.lease.expireAt <= now) return true;
    const why = happened.kind === "expired" ? "no server has renewed it in time" : "a server refused it";
    options.log(`${nameOf(record)}: the lease of ${formatPrefix(record.prefix)} is lost: ${why}`);
    return store(job, endNow(record, now), options);
  }
  const renewed = happened.lease;
  if (!store(job, renewed, options)) return false;
  const isSame = isSamePrefix(renewed.prefix, record.prefix);
  if (isSame && !job.isTaken) {
    job.limitAt = now;
    applyRoutes(place, { old: record, record: renewed, log: options.log }, replaceRoutes);
    return true;
  }
  const found = isSame ? "has its address again" : `has ${formatPrefix(renewed.prefix)} instead`;
  options.log(`${nameOf(record)}: the interface of ${formatPrefix(record.prefix)} ${found}`);
  // Until it is done, the interface lacks its address: the next renewal tries again.
  job.isTaken = true;
  changeAddress(place, record.prefix, { record: renewed, now });
  job.isTaken = false;
  applyRoutes(place, { old: record, record: renewed, log: options.log }, addRoutes);
  job.limitAt = Infinity;
  return true;
}

/** IPv6 has its routes from router advertisements. */
function applyRoutes(
  place: LeaseLink,
  { old, record, log }: { old: LeaseRecord; record: LeaseRecord; log: (line: string) => void },
  apply: typeof addRoutes,
): void {
  if (old.family === 4 && record.family === 4) apply(place, { old, record, log });
}

function endNow(record: LeaseRecord, now: number): LeaseRecord {
  const expireAt = Math.min(record.lease.expireAt, now);
  return record.family === 4
    ? { ...record, lease: { ...record.lease, expireAt } }
    : { ...record, lease: { ...record.lease, expireAt } };
}

function store(job: Job, record: LeaseRecord, { folder }: KeeperOptions): boolean {
  const stored = replaceLease(folder, job.stored, record);
  if (stored !== undefined) job.stored = stored;
  return stored !== undefined;
}

function nameOf({ containerId, network, ifname }: LeaseRecord): string {
  return `${containerId}/${network}/${ifname}`;
}
