import fs from "#fs";
import { CniError } from "../../src/cni/error.ts";
import type { ContainerInterface } from "../../src/cni/request.ts";
import { type Address, formatAddress } from "../../src/ip/address.ts";
import { isPassing } from "../../src/platform/errno.ts";
import { isAside, withdrawFile } from "./aside-file.ts";
import { type OpenFolder, type Store, withFolder } from "./exclusive.ts";
import { describeOwner, formatLease, isLeaseName, isVoid, type Lease, ownerOf, selectLeases } from "./lease.ts";
import { attempt, findLeases, listNames, readFiles, readLeases } from "./lease-folder.ts";
import { sweepRecords } from "./lease-index.ts";
import { recordsOf, removeRecord } from "./lease-record.ts";
import { noteReleased } from "./quarantine.ts";
import { forgetLease } from "./reclaim.ts";
import { errnoOf } from "./store-failure.ts";

/** What the kernel says of a path at which no folder can be. */
const IMPOSSIBLE: readonly string[] = ["ENOTDIR", "ENAMETOOLONG", "ELOOP"];

/** How long a release waits, in ms, for others at work on the folder; then it does without order. */
const PATIENCE = 5000;

/**
 * Removes the attachment's leases; none is fine. Each removal is safe by itself, so it works on a full disk and beside any
 * number of other calls. All are tried before what failed is thrown. With a `releaseDelay`, in seconds, the addresses rest.
 * @throws AggregateError of CniError leaseStore
 */
export function releaseLeases(store: Store, attachment: ContainerInterface, releaseDelay: number): void {
  if (!exists(store.folder)) return;
  withFolder(store, PATIENCE, (open) => {
    const { folder, index } = open;
    const unread: unknown[] = [];
    const leases = findLeases(folder, attachment, { isIndexed: index !== "none", unread });
    const left = index === "complete" ? [] : findAsides(folder, attachment, unread);
    const owners = new Set([formatLease(attachment), ...leases.map(ownerOf)]);
    removeAll(open, { leases: [...leases, ...left], releaseDelay, owners: [...owners], unread });
  });
}

/**
 * Removes the attachment's leases of these addresses and leaves alone what else it has: another ADD may have taken that
 * since. @throws AggregateError of CniError leaseStore
 */
export function releaseAddresses(store: Store, attachment: ContainerInterface, addresses: readonly Address[]): void {
  const text = formatLease(attachment);
  const leases = addresses.map((address) => ({ name: formatAddress(address), text }));
  withFolder(store, PATIENCE, (open) => {
    removeAll(open, { leases, releaseDelay: 0, owners: [], unread: [] });
    for (const lease of leases) forgetLease(open.folder, lease);
  });
}

/**
 * Removes the leases of all attachments but these, each with a line of log, and records without a lease. All are tried before what failed is thrown.
 * @throws AggregateError of CniError leaseStore
 */
export function releaseOthers(store: Store, valid: readonly ContainerInterface[], releaseDelay: number): void {
  if (!exists(store.folder)) return;
  const owners = new Set(valid.map(formatLease));
  const containers = new Set(valid.map(({ containerId }) => containerId.trim()));
  const isValid = (lease: Lease) => owners.has(ownerOf(lease)) || containers.has(ownerOf(lease));
  withFolder(store, PATIENCE, (open) => {
    const records = listNames(recordsOf(open.folder));
    const unread: unknown[] = [];
    const all = readLeases(open.folder, listNames(open.folder), unread).filter((each) => !isVoid(each));
    const leases = all.filter((each) => !isValid(each));
    const log = (lease: Lease) =>
      store.log(`Removed ${lease.name} of ${describeOwner(ownerOf(lease))}: it is not attached`);
    removeAll(open, { leases, releaseDelay, owners: [...new Set(leases.map(ownerOf))], unread, log });
    sweepRecords(open.folder, records, all.map(ownerOf));
  });
}

interface Removal {
  readonly leases: readonly Lease[];
  readonly releaseDelay: number;
  /** Whose records go with them, also where there is no lease: a killed ADD may have left one. */
  readonly owners: readonly string[];
  /** Why some leases could not be read, which may be of those that are to go. */
  readonly unread: readonly unknown[];
  readonly log?: (lease: Lease) => void;
}

/** The note that an address rests comes before it is free, and the record goes after the leases that it names. */
function removeAll({ folder }: OpenFolder, { leases, releaseDelay, owners, unread, log }: Removal): void {
  const names = leases.map(({ name }) => name).filter(isLeaseName);
  if (releaseDelay > 0 && names.length > 0) noteReleased(folder, names);
  const refused = leases.flatMap((lease) => {
    const { name, text } = lease;
    return failureOf(() => {
      const isGone = attempt(`remove the lease "${folder}/${name}"`, () => withdrawFile(folder, name, text));
      if (isGone) log?.(lease);
    });
  });
  const failures = [...unread, ...refused];
  if (failures.length > 0) throw new AggregateError(failures);
  for (const owner of owners) forget(folder, owner);
}

/** A record that cannot be removed harms nobody; a failure that passes is not left at that. */
function forget(folder: string, owner: string): void {
  const [failure] = failureOf(() => removeRecord(folder, owner));
  if (isPassing(failure)) failureOf(() => removeRecord(folder, owner));
}

function failureOf(act: () => void): readonly unknown[] {
  try {
    act();
    return [];
  } catch (error) {
    return [error];
  }
}

/** What a killed DEL of the attachment had moved aside. */
function findAsides(folder: string, attachment: ContainerInterface, unread: unknown[]): readonly Lease[] {
  return selectLeases(readFiles(folder, listNames(folder).filter(isAside), unread), attachment);
}

/** Whether there is a folder, or what keeps it from being looked at and will be named as such. Where none can be, there is no lease. */
function exists(folder: string): boolean {
  if (fs.existsSync(folder)) return true;
  try {
    return listNames(folder).length > 0;
  } catch (error) {
    if (error instanceof CniError && IMPOSSIBLE.includes(errnoOf(error.cause) ?? "")) return false;
    throw error;
  }
}
