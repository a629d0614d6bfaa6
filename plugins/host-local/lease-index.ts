import fs from "#fs";
import path from "#path";
import { ifPossible } from "../../src/platform/outcome.ts";
import { isAside, sweep } from "./aside-file.ts";
import * as files from "./atomic-file.ts";
import { type Lease, ownerOf } from "./lease.ts";
import { listNames } from "./lease-folder.ts";
import {
  findRecord,
  formatRecord,
  type LeaseRecord,
  recordName,
  recordsOf,
  removeRecord,
  writeRecord,
} from "./lease-record.ts";

// The records are an index of the leases. A call that leaves the index complete sets the dates of the network's folder and of the
// records' folder to one time with an odd fraction of a second. So completeness shows without reading the records: any create, delete or
// rename in either folder changes its date. Our plugins write a lease's record before the lease, so their own changes keep the index
// complete. The Go plugin's lock keeps its changes out between the check and the dating.

/**
 * Fractions of a second that file systems and clocks store exactly: for an index dated while there was no Go plugin's lock, or with that
 * lock held.
 */
const FRACTION = { WITHOUT_GO: 37 / 64, WITH_GO: 43 / 64 } as const;

/** The mode bits for group and others. <sys/stat.h> */
const OTHERS = 0o077;

/** Age in ms up to which a record may name leases that are still to come, from a running ADD: of any, or of one that lost its lock. */
const ORPHAN_LIFETIME = 60_000;

/** Whether the records name every lease in the folder and only root can access them. Verified once in each boot. */
export function isIndexComplete(folder: string, boot: string): boolean {
  const dated = statusOf(folder)?.mtimeMs;
  const records = statusOf(recordsOf(folder));
  if (dated === undefined || dated !== records?.mtimeMs || (records.mode & OTHERS) !== 0) return false;
  return dated % 1000 === fractionOf(hasGoLock(folder)) * 1000 && isOfBoot(folder, boot);
}

/** Dates the index as complete. `withGo` says whether the Go plugin's lock was held since the check. */
export function markIndexComplete(folder: string, withGo: boolean): void {
  const time = (Math.floor(Date.now() / 1000) + fractionOf(withGo)) * 1000;
  try {
    files.redate(recordsOf(folder), time);
    files.redate(folder, time);
  } catch {
    // The next call reads every lease.
  }
}

/** Whether a Go plugin has ever been used here. It creates this file first and never deletes it. */
export function hasGoLock(folder: string): boolean {
  return fs.existsSync(goLockPath(folder));
}

/** The file that a Go plugin locks with flock(2). */
export function goLockPath(folder: string): string {
  return `${folder}/lock`;
}

/** Updates the records to match the leases. Call it only with the folder's lock; `isAlone` as in sweepRecords(). */
export function rebuildIndex(
  folder: string,
  leases: readonly Lease[],
  { boot, isAlone }: { boot: string; isAlone: boolean },
): void {
  const records = recordsOf(folder);
  // An older version created them readable for everybody.
  for (const each of [path.dirname(records), records]) fs.chmodSync(each, 0o700);
  const names = fs.readdirSync(records);
  sweep(records, names);
  const present = new Set(names);
  const owned = Map.groupBy(leases, ownerOf);
  for (const [owner, own] of owned) {
    const known = present.has(recordName(owner)) ? findRecord(folder, owner) : undefined;
    const isComing = known !== undefined && !isAlone && isRecent(`${records}/${recordName(owner)}`);
    const coming = isComing ? known.addresses : [];
    const addresses = [...new Set([...own.map(({ name }) => name), ...coming])].sort();
    const record: LeaseRecord = { ...(known ?? { time: "", boot: "", netns: "", path: "" }), addresses };
    if (known !== undefined && formatRecord(known) === formatRecord(record)) continue;
    writeRecord(folder, owner, record);
    if (!hasLease(folder, owner, addresses)) withdrawRecord(folder, owner, record);
  }
  sweepRecords(folder, names, { owners: owned.keys(), isAlone });
  files.placeLink(bootPath(folder), bootText(boot));
}

/**
 * Deletes the records of these names that belong to none of the owners, except those that a running ADD may have created. If `isAlone`, no
 * ADD is running. Returns whether one is left.
 */
export function sweepRecords(
  folder: string,
  names: readonly string[],
  { owners, isAlone }: { owners: Iterable<string>; isAlone: boolean },
): boolean {
  const wanted = new Set(Array.from(owners, recordName));
  let isLeft = false;
  for (const name of names) {
    const path = `${recordsOf(folder)}/${name}`;
    if (wanted.has(name)) continue;
    if (!isAlone && isRecent(path)) isLeft = true;
    else files.removeFile(path);
  }
  return isLeft;
}

/**
 * Whether one of the files is the owner's lease. DEL takes no lock, so it may have deleted lease and record since the leases were read. A
 * lease that it sets aside is either deleted, followed by its record, or put back.
 */
function hasLease(folder: string, owner: string, addresses: readonly string[]): boolean {
  const isOwn = (name: string) => files.readText(`${folder}/${name}`)?.trim() === owner;
  return addresses.some(isOwn) || listNames(folder).filter(isAside).some(isOwn) || addresses.some(isOwn);
}

/** Deletes what was written, unless another record has replaced it since. */
function withdrawRecord(folder: string, owner: string, record: LeaseRecord): void {
  const found = findRecord(folder, owner);
  if (found !== undefined && formatRecord(found) === formatRecord(record)) removeRecord(folder, owner);
}

/** If the boot's file cannot be read, the index does not count as complete. */
function isOfBoot(folder: string, boot: string): boolean {
  return ifPossible(() => files.readLink(bootPath(folder))) === bootText(boot);
}

function statusOf(path: string) {
  return ifPossible(() => fs.statSync(path, { throwIfNoEntry: false }));
}

function isRecent(path: string): boolean {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  return stat === undefined || Math.abs(Date.now() - stat.mtimeMs) <= ORPHAN_LIFETIME;
}

function fractionOf(withGo: boolean): number {
  return withGo ? FRACTION.WITH_GO : FRACTION.WITHOUT_GO;
}

function bootPath(folder: string): string {
  return `${folder}/.state/boot`;
}

function bootText(boot: string): string {
  return boot || "-";
}
