import fs from "#fs";
import { findBoot } from "../../src/linux/boot-id.ts";
import { withdrawFile } from "./aside-file.ts";
import { findBootTime } from "./boot.ts";
import { describeOwner, isVoid, type Lease, ownerOf } from "./lease.ts";
import { findRecord, type LeaseRecord, readRecord, recordName, removeRecord, writeRecord } from "./lease-record.ts";
import { type Deserted, findDeserted } from "./namespaces.ts";
import { isNetnsAt } from "./netns-identity.ts";

/** A lease that nobody uses any more, and the reason. */
export interface DeadLease extends Lease {
  readonly reason: string;
}

/** Maximum number of leases reclaimed in one call: enough to spare the next calls, few enough to be quick. */
const BATCH = 256;

/** Age in ms at which an empty lease counts as left by a crash. The Go plugin creates the file first and then writes it. */
const VOID_AGE = 60_000;

const OUTLIVED = "it is from an earlier boot";
const ORPHANED = "its network namespace no longer exists";
const CRASHED = "a crash left it empty";

interface Dated {
  readonly lease: Lease;
  readonly mtime: number;
  /** The record of ADD, if ADD wrote this very file. */
  readonly record: LeaseRecord | undefined;
}

/** A lease, and whether anybody can still use it. */
export interface Examined extends Dated {
  readonly isOutlived: boolean;
  /** Whether its record is of this boot and its namespace no longer exists. */
  readonly isOrphan: boolean;
  /** Whether its record is of this boot, and its namespace has nobody in it and is not at its path. A process may still keep it. */
  readonly isDeserted: boolean;
  /** Whether a crash left it empty, a while ago. */
  readonly isCrashed: boolean;
}

/** What a caller with many leases has read already. */
export interface ReadAlready {
  /** The names of all records of the folder. */
  readonly records: ReadonlySet<string>;
  /** The record of a lease that a complete index has. */
  readonly recordOf: (lease: Lease) => LeaseRecord | undefined;
}

/** Examines each lease that still exists. It reads the records and changes nothing. */
export function examineLeases(folder: string, leases: readonly Lease[], already?: ReadAlready): readonly Examined[] {
  const dated: Dated[] = [];
  for (const lease of leases) {
    const found = dateByRecord(lease, already) ?? date(folder, lease, already);
    if (found !== undefined) dated.push(found);
  }
  const boot = findBoot();
  const bootTime = findBootTime();
  const { deserted, gone } = findDesertedOf(
    dated.filter(({ record }) => record !== undefined && boot !== "" && record.boot === boot),
  );
  return dated.map((each) => {
    const { lease, mtime, record } = each;
    const isOld = Math.abs(Date.now() - mtime) > VOID_AGE || isBefore(mtime, bootTime);
    return {
      lease,
      mtime,
      record,
      isOutlived: isOutlived(each, boot, bootTime),
      isOrphan: record?.boot === boot && gone.has(record.netns),
      isDeserted: record?.boot === boot && deserted.has(record.netns),
      isCrashed: isOld && isVoid(lease),
    };
  });
}

/** Why nobody uses an examined lease any more; undefined if somebody may. */
export function reasonOfDeath({ isOutlived, isOrphan, isCrashed }: Examined): string | undefined {
  if (isCrashed) return CRASHED;
  if (isOrphan) return ORPHANED;
  return isOutlived ? OUTLIVED : undefined;
}

/**
 * The leases that certainly nobody uses: those of an earlier boot and those whose network namespace no longer exists. An earlier boot is
 * known by the boot ID in ADD's record, or for leases of other plugins by a date before this boot. Leases whose namespace ended in this
 * boot come first, then the oldest.
 */
export function findDeadLeases(folder: string, leases: readonly Lease[]): readonly DeadLease[] {
  const dead = [...examineLeases(folder, leases)]
    .sort((a, b) => a.mtime - b.mtime)
    .flatMap((each) => ({ ...each.lease, reason: reasonOfDeath(each) ?? "" }));
  return [CRASHED, ORPHANED, OUTLIVED].flatMap((reason) => dead.filter((each) => each.reason === reason));
}

/** The leases of an earlier boot. */
export function findOutlivedLeases(folder: string, leases: readonly Lease[]): readonly DeadLease[] {
  const boot = findBoot();
  const bootTime = findBootTime();
  const dated = leases.flatMap((lease) => date(folder, lease) ?? []).filter((each) => isOutlived(each, boot, bootTime));
  return dated.map(({ lease }) => ({ ...lease, reason: OUTLIVED }));
}

/** Deletes leases, as many as one call should, and logs each. Returns how many. */
export function reclaimLeases(folder: string, dead: readonly DeadLease[], log: (line: string) => void): number {
  let count = 0;
  for (const lease of dead.slice(0, BATCH)) {
    if (!withdrawFile(folder, lease.name, lease.text)) continue;
    forgetLease(folder, lease);
    const whose = isVoid(lease) ? "" : ` of ${describeOwner(ownerOf(lease))}`;
    log(`Reclaimed ${lease.name}${whose}: ${lease.reason}`);
    count += 1;
  }
  return count;
}

/** Removes a deleted lease from its owner's record. */
export function forgetLease(folder: string, lease: Lease): void {
  const owner = ownerOf(lease);
  const record = findRecord(folder, owner);
  const addresses = record?.addresses.filter((name) => name !== lease.name) ?? [];
  try {
    if (record === undefined || addresses.length === 0) removeRecord(folder, owner);
    else writeRecord(folder, owner, { ...record, addresses });
  } catch {
    // An extra address in a record is harmless: the lease decides.
  }
}

/** The date of a lease in a complete index: its file has the date in the record. */
function dateByRecord(lease: Lease, already?: ReadAlready): Dated | undefined {
  const record = already?.recordOf(lease);
  return record === undefined || record.time === "" ? undefined : { lease, mtime: Number(record.time), record };
}

function date(folder: string, lease: Lease, already?: ReadAlready): Dated | undefined {
  const mtime = fs.statSync(`${folder}/${lease.name}`, { throwIfNoEntry: false })?.mtimeMs;
  if (mtime === undefined) return undefined;
  const record = isVoid(lease) ? undefined : recordOf(folder, ownerOf(lease), already);
  const isAbout = record?.addresses.includes(lease.name) && record.time === String(Math.round(mtime));
  return { lease, mtime, record: isAbout ? record : undefined };
}

function recordOf(folder: string, owner: string, already: ReadAlready | undefined): LeaseRecord | undefined {
  if (already === undefined) return findRecord(folder, owner);
  if (already.records.size === 0) return undefined;
  const name = recordName(owner);
  return already.records.has(name) ? readRecord(folder, name) : undefined;
}

function isOutlived({ lease, mtime, record }: Dated, boot: string, bootTime: number | undefined): boolean {
  if (isVoid(lease)) return false;
  if (record !== undefined && record.boot !== "" && boot !== "") return record.boot !== boot;
  return isBefore(mtime, bootTime);
}

function isBefore(time: number, bootTime: number | undefined): boolean {
  return bootTime !== undefined && time < bootTime;
}

/** Which of these records' namespaces are deserted. A namespace that its path still leads to is not searched for. */
function findDesertedOf(dated: readonly Dated[]): Deserted {
  const sought = new Set<string>();
  for (const { record } of dated) {
    if (record !== undefined && record.netns !== "" && isNetnsAt(record.path, record.netns) !== true)
      sought.add(record.netns);
  }
  return findDeserted([...sought]);
}
