import fs from "#fs";
import { withdrawFile } from "./aside-file.ts";
import { findBootTime, readBoot } from "./boot.ts";
import { describeOwner, isVoid, type Lease, ownerOf } from "./lease.ts";
import { findRecord, type LeaseRecord, removeRecord, writeRecord } from "./lease-record.ts";
import { findGoneNamespaces } from "./namespaces.ts";
import { identifyNetns } from "./netns-identity.ts";

/** A lease that nobody lives to use, and why. */
export interface DeadLease extends Lease {
  readonly reason: string;
}

/** Most leases that one call reclaims: enough that the next calls need not look again, few enough to be quick. */
const BATCH = 256;

/** Age in ms from which an empty lease was left by a crash: the Go plugin creates the file first and then fills it. */
const VOID_AGE = 60_000;

const OUTLIVED = "it is from an earlier boot";

interface Dated {
  readonly lease: Lease;
  readonly mtime: number;
  /** What ADD knew, where ADD made this very file. */
  readonly record: LeaseRecord | undefined;
}

/**
 * The leases of which it is certain that nobody uses them: of an earlier boot, by the boot id that ADD kept or, where ADD
 * was not ours, by a date before this boot; and those whose network namespace is nowhere any more. First those that
 * cannot come back, their namespace being gone in this boot, then the oldest.
 */
export function findDeadLeases(folder: string, leases: readonly Lease[]): readonly DeadLease[] {
  const dated = leases.flatMap((lease) => date(folder, lease)).sort((a, b) => a.mtime - b.mtime);
  const boot = readBoot();
  const bootTime = findBootTime();
  const gone = findGone(dated.filter(({ record }) => record !== undefined && boot !== "" && record.boot === boot));
  const orphans = dated.filter(({ record }) => record?.boot === boot && gone.has(record.netns));
  const outlived = dated.filter((each) => isOutlived(each, boot, bootTime));
  const crashed = dated.filter(({ lease, mtime }) => {
    return isVoid(lease) && (Math.abs(Date.now() - mtime) > VOID_AGE || isBefore(mtime, bootTime));
  });
  return [
    ...crashed.map(({ lease }) => ({ ...lease, reason: "a crash left it empty" })),
    ...orphans.map(({ lease }) => ({ ...lease, reason: "its network namespace no longer exists" })),
    ...outlived.map(({ lease }) => ({ ...lease, reason: OUTLIVED })),
  ];
}

/** Those of an earlier boot. */
export function findOutlivedLeases(folder: string, leases: readonly Lease[]): readonly DeadLease[] {
  const boot = readBoot();
  const bootTime = findBootTime();
  const dated = leases.flatMap((lease) => date(folder, lease)).filter((each) => isOutlived(each, boot, bootTime));
  return dated.map(({ lease }) => ({ ...lease, reason: OUTLIVED }));
}

/** Removes leases, as many as one call should, and says so; returns how many. */
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

/** Takes a lease that is no more out of its owner's record. */
export function forgetLease(folder: string, lease: Lease): void {
  const owner = ownerOf(lease);
  const record = findRecord(folder, owner);
  const addresses = record?.addresses.filter((name) => name !== lease.name) ?? [];
  try {
    if (record === undefined || addresses.length === 0) removeRecord(folder, owner);
    else writeRecord(folder, owner, { ...record, addresses });
  } catch {
    // A record that names too much is no harm: the lease decides.
  }
}

function date(folder: string, lease: Lease): readonly Dated[] {
  const mtime = fs.statSync(`${folder}/${lease.name}`, { throwIfNoEntry: false })?.mtimeMs;
  if (mtime === undefined) return [];
  const record = isVoid(lease) ? undefined : findRecord(folder, ownerOf(lease));
  const isAbout = record?.addresses.includes(lease.name) && record.time === String(Math.round(mtime));
  return [{ lease, mtime, record: isAbout ? record : undefined }];
}

function isOutlived({ lease, mtime, record }: Dated, boot: string, bootTime: number | undefined): boolean {
  if (isVoid(lease)) return false;
  if (record !== undefined && record.boot !== "" && boot !== "") return record.boot !== boot;
  return isBefore(mtime, bootTime);
}

function isBefore(time: number, bootTime: number | undefined): boolean {
  return bootTime !== undefined && time < bootTime;
}

/** The namespaces that are gone, of those that these records name; one that its path still leads to is not looked for. */
function findGone(dated: readonly Dated[]): ReadonlySet<string> {
  const sought = new Set<string>();
  for (const { record } of dated) {
    if (record !== undefined && record.netns !== "" && identifyNetns(record.path) !== record.netns)
      sought.add(record.netns);
  }
  return findGoneNamespaces([...sought]);
}
