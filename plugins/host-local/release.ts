import fs from "#fs";
import { CniError } from "../../src/cni/error.ts";
import type { ContainerInterface } from "../../src/cni/request.ts";
import { type Address, formatAddress } from "../../src/ip/address.ts";
import { isPassing } from "../../src/platform/errno.ts";
import { ifPossible, ignoring } from "../../src/platform/outcome.ts";
import { failuresOf } from "../../src/steps/undo.ts";
import { isAside, withdrawFile } from "./aside-file.ts";
import { type OpenFolder, type Store, withFolder, withOpenFolder } from "./exclusive.ts";
import { describeOwner, formatLease, isLeaseName, isVoid, type Lease, ownerOf, selectLeases } from "./lease.ts";
import { explained, findLeases, listNames, readFiles, readLeases } from "./lease-folder.ts";
import { sweepRecords } from "./lease-index.ts";
import { recordsOf, removeRecord } from "./lease-record.ts";
import { forgetLease } from "./reclaim.ts";
import { noteReleased } from "./resting.ts";
import { errnoOf } from "./store-failure.ts";

/** Errors for a path at which no folder can exist. */
const IMPOSSIBLE: readonly string[] = ["ENOTDIR", "ENAMETOOLONG", "ELOOP"];

/** How long a release waits for other calls on the folder, in ms. After that it goes on without the lock. */
const PATIENCE = 5000;

/**
 * Deletes the attachment's leases. Having none is success. Each delete is safe by itself, so this works on a full disk and in parallel
 * with any number of calls. Tries all, then throws the errors. With a `releaseDelay`, in seconds, the addresses rest.
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
 * Deletes the attachment's leases of these addresses. Its other leases stay: another ADD may have reserved them since.
 * @throws AggregateError of CniError leaseStore
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
 * Deletes the leases of all attachments except these, and logs each. Deletes records without a lease: if one is so new that an ADD may be
 * about to write the lease, it waits for that ADD. Tries all, then throws the errors. @throws AggregateError of CniError leaseStore
 */
export function releaseOthers(store: Store, valid: readonly ContainerInterface[], releaseDelay: number): void {
  if (!exists(store.folder)) return;
  const owners = new Set(valid.map(formatLease));
  const containers = new Set(valid.map(({ containerId }) => containerId.trim()));
  const isValid = (lease: Lease) => owners.has(ownerOf(lease)) || containers.has(ownerOf(lease));
  const release = (open: OpenFolder): boolean => {
    const records = listNames(recordsOf(open.folder));
    const unread: unknown[] = [];
    const all = readLeases(open.folder, listNames(open.folder), unread).filter((each) => !isVoid(each));
    const leases = all.filter((each) => !isValid(each));
    const log = (lease: Lease) =>
      store.log(`Removed ${lease.name} of ${describeOwner(ownerOf(lease))}: it is not attached`);
    removeAll(open, { leases, releaseDelay, owners: [...new Set(leases.map(ownerOf))], unread, log });
    return sweepRecords(open.folder, records, { owners: all.map(ownerOf), isAlone: open.isAlone() });
  };
  const isLeft = withFolder(store, PATIENCE, release);
  // Without the lock there may be none, on a full disk say. The next GC deletes the record.
  if (isLeft) ignoring([CniError], () => withOpenFolder(store, PATIENCE, release));
}

/**
 * Deletes one lease, if the file is still the same. False if it has changed or is gone. With a `releaseDelay`, in seconds, its address
 * rests.
 * @throws CniError leaseStore
 */
export function releaseLease(store: Store, lease: Lease, releaseDelay: number): boolean {
  return withFolder(store, PATIENCE, ({ folder }) => {
    const path = `${folder}/${lease.name}`;
    const isGone = explained(`remove the lease "${path}"`, () => withdrawFile(folder, lease.name, lease.text));
    if (!isGone) return false;
    if (releaseDelay > 0) noteReleased(folder, [lease.name]);
    forgetLease(folder, lease);
    return true;
  });
}

interface Removal {
  readonly leases: readonly Lease[];
  readonly releaseDelay: number;
  /** Owners whose records are deleted too, also without a lease: a killed ADD may have left one. */
  readonly owners: readonly string[];
  /** Errors of unreadable leases, which may be among those to delete. */
  readonly unread: readonly unknown[];
  readonly log?: (lease: Lease) => void;
}

/** Marks an address as resting before it is free, and deletes the record after its leases. */
function removeAll({ folder }: OpenFolder, { leases, releaseDelay, owners, unread, log }: Removal): void {
  const names = leases.map(({ name }) => name).filter(isLeaseName);
  if (releaseDelay > 0 && names.length > 0) noteReleased(folder, names);
  const steps = leases.map((lease) => () => {
    const { name, text } = lease;
    const isGone = explained(`remove the lease "${folder}/${name}"`, () => withdrawFile(folder, name, text));
    if (isGone) log?.(lease);
  });
  const failures = [...unread, ...failuresOf(steps)];
  if (failures.length > 0) throw new AggregateError(failures);
  for (const owner of owners) forget(folder, owner);
}

/** Deletes a record. If that fails it is harmless; an error that may pass gets a second try. */
function forget(folder: string, owner: string): void {
  const remove = () => removeRecord(folder, owner);
  const [failure] = failuresOf([remove]);
  if (isPassing(failure)) ifPossible(remove);
}

/** Leases that a killed DEL of the attachment had set aside. */
function findAsides(folder: string, attachment: ContainerInterface, unread: unknown[]): readonly Lease[] {
  return selectLeases(readFiles(folder, listNames(folder).filter(isAside), unread), attachment);
}

/**
 * Whether the folder exists. True too if its error will be reported later. False if no folder can exist at that path: then there are no
 * leases.
 */
function exists(folder: string): boolean {
  if (fs.existsSync(folder)) return true;
  try {
    return listNames(folder).length > 0;
  } catch (error) {
    if (error instanceof CniError && IMPOSSIBLE.includes(errnoOf(error.cause) ?? "")) return false;
    throw error;
  }
}
