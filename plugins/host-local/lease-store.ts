import fs from "node:fs";
import { type Address, formatAddress, parseAddress } from "../../src/ip/address.ts";
import type { LeaseBook } from "./allocator.ts";
import * as files from "./atomic-file.ts";
import { type Attachment, addressesOf, formatLease, isLeaseName, isVoid, type Lease, selectLeases } from "./lease.ts";
import { withLock } from "./lock.ts";
import { errnoOf, storeFailure } from "./store-failure.ts";

/** A network's folder, the attachment on whose behalf it is used, and who hears of what is odd in it. */
export interface LeaseStore {
  readonly folder: string;
  readonly attachment: Attachment;
  /** Takes one line. */
  readonly log: (line: string) => void;
}

/** The leases as one ADD sees and changes them. */
export interface OpenLeases extends LeaseBook {
  /** Gives back an address that this ADD reserved. */
  readonly release: (address: Address) => void;
}

/** Age in ms from which an empty lease was left by a crash: the Go plugin creates the file first and then fills it. */
const VOID_AGE = 60_000;

/** How long DEL waits, in ms, to clear away what a killed ADD left. */
const SWEEP_PATIENCE = 5000;

/**
 * Reads the leases for an ADD, which must hold the folder's lock until it is done with them, and clears away what killed
 * calls left. @throws CniError leaseStore, also from the functions that it returns
 */
export function openLeases(store: LeaseStore): OpenLeases {
  const { folder, attachment, log } = store;
  const names = attempt(`read the folder of leases "${folder}"`, () => fs.readdirSync(folder));
  attempt(`clear the folder of leases "${folder}"`, () => files.sweep(folder, names));
  const leases = readLeases(folder, names).filter((lease) => !isVoid(lease) || !reclaim(store, lease));
  const taken = new Set(leases.map((lease) => lease.name));
  const text = formatLease(attachment);
  return {
    held: addressesOf(selectLeases(leases, attachment)),
    last: (setIndex) => readLast(`${folder}/${lastName(setIndex)}`, log),
    reserve: (address, setIndex) => !taken.has(formatAddress(address)) && reserve(store, address, setIndex),
    release: (address) => {
      const name = formatAddress(address);
      attempt(`remove the lease "${folder}/${name}"`, () => files.withdrawFile(folder, name, text));
    },
  };
}

/** Whether the attachment has a lease, of whatever address. Changes nothing, needs no lock. @throws CniError leaseStore */
export function holdsLease({ folder, attachment }: LeaseStore): boolean {
  return selectLeases(readLeases(folder, listNames(folder)), attachment).length > 0;
}

/**
 * Removes the attachment's leases; none is fine. It needs no lock, for each removal is safe by itself: so it works on a
 * full disk and beside any number of other calls. All are tried before what failed is thrown.
 * @throws AggregateError of CniError leaseStore
 */
export function releaseLeases({ folder, attachment }: LeaseStore): void {
  const names = listNames(folder);
  const leases = selectLeases(readLeases(folder, names), attachment);
  const asides = selectLeases(readFiles(folder, names.filter(files.isAside)), attachment);
  const failures = withdrawAll(folder, [...leases, ...asides]);
  if (names.some(files.isDraft)) clearDrafts(folder);
  if (failures.length > 0) throw new AggregateError(failures);
}

/**
 * Removes the attachment's leases of these addresses and leaves alone what else it has: another ADD may have taken that
 * since. @throws AggregateError of CniError leaseStore
 */
export function releaseAddresses({ folder, attachment }: LeaseStore, addresses: readonly Address[]): void {
  const text = formatLease(attachment);
  const leases = addresses.map((address) => ({ name: formatAddress(address), text }));
  const failures = withdrawAll(folder, leases);
  if (failures.length > 0) throw new AggregateError(failures);
}

/** An index of owners, if there is to be one, goes here: all who look for somebody's leases come by. */
function readLeases(folder: string, names: readonly string[]): readonly Lease[] {
  return readFiles(folder, names.filter(isLeaseName));
}

function readFiles(folder: string, names: readonly string[]): readonly Lease[] {
  return names.flatMap((name) => {
    const text = files.readText(`${folder}/${name}`);
    return text === undefined ? [] : [{ name, text }];
  });
}

/** Returns what failed. */
function withdrawAll(folder: string, leases: readonly Lease[]): readonly unknown[] {
  return leases.flatMap(({ name, text }) => {
    try {
      attempt(`remove the lease "${folder}/${name}"`, () => files.withdrawFile(folder, name, text));
      return [];
    } catch (error) {
      return [error];
    }
  });
}

/** The names in a folder that need not exist. */
function listNames(folder: string): readonly string[] {
  return attempt(`read the folder of leases "${folder}"`, () => {
    try {
      return fs.readdirSync(folder);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw error;
    }
  });
}

/** Removes an empty lease, if it is old enough to be nobody's. */
function reclaim({ folder, log }: LeaseStore, { name, text }: Lease): boolean {
  const path = `${folder}/${name}`;
  if (files.ageOf(path, "mtimeMs") < VOID_AGE) return false;
  const isGone = attempt(`remove the empty lease "${path}"`, () => files.withdrawFile(folder, name, text));
  if (isGone) log(`Removed the empty lease file "${path}", which a crash had left`);
  return isGone;
}

/** Publishes a lease and notes it as its set's last, both or neither. False where the address is taken. */
function reserve({ folder, attachment }: LeaseStore, address: Address, setIndex: number): boolean {
  const name = formatAddress(address);
  const text = formatLease(attachment);
  return attempt(`write the lease "${folder}/${name}"`, () => {
    if (!files.publishFile(folder, name, text)) return false;
    try {
      files.replaceFile(folder, lastName(setIndex), name);
    } catch (error) {
      files.withdrawFile(folder, name, text);
      throw error;
    }
    return true;
  });
}

function lastName(setIndex: number): string {
  return `last_reserved_ip.${setIndex}`;
}

/** Where it cannot be told, allocation starts over from the set's first address, which is no harm. */
function readLast(path: string, log: (line: string) => void): Address | undefined {
  try {
    return parseAddress(fs.readFileSync(path, "utf8"));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") log(`Error retrieving last reserved ip: ${error}`);
    return undefined;
  }
}

/** Only ADD writes drafts, and it holds the lock: whoever gets the lock finds none but a killed ADD's. */
function clearDrafts(folder: string): void {
  try {
    withLock(folder, SWEEP_PATIENCE, () => files.sweep(folder, fs.readdirSync(folder)));
  } catch {
    // A busy or read-only folder keeps them until the next ADD; they are nobody's lease.
  }
}

function attempt<T>(action: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw storeFailure(action, error);
  }
}
