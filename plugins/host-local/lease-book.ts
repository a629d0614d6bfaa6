import fs from "#fs";
import { reasonOf } from "../../src/cni/error.ts";
import type { ContainerInterface } from "../../src/cni/request.ts";
import { type Address, formatAddress } from "../../src/ip/address.ts";
import type { LeaseBook } from "./allocator.ts";
import { withdrawFile } from "./aside-file.ts";
import * as files from "./atomic-file.ts";
import type { OpenFolder } from "./exclusive.ts";
import { addressesOf, describeOwner, formatLease, isVoid, type Lease, ownerOf } from "./lease.ts";
import { explained, findLeases, lastName, listNames, readLast, readLeases } from "./lease-folder.ts";
import { lookForNames } from "./lease-names.ts";
import { findRecord, removeRecord, writeRecord } from "./lease-record.ts";
import { identifyNetnsAt } from "./netns-identity.ts";
import { countAddresses, formatCounts, isIn } from "./pool.ts";
import type { RangeSet } from "./range-set.ts";
import { findDeadLeases, findOutlivedLeases, reclaimLeases } from "./reclaim.ts";
import { findResting } from "./resting.ts";

/** The network's leases during one ADD. */
export interface OpenBook extends LeaseBook {
  /** Addresses that the attachment already has. */
  readonly held: readonly Address[];
  /** Releases what this ADD has reserved, and restores what it has renewed. */
  readonly undo: () => void;
}

/** The attachment and its namespace, and how long released addresses rest, in seconds. */
export interface BookOptions {
  readonly attachment: ContainerInterface;
  /** Path of the network namespace. */
  readonly netns: string;
  readonly releaseDelay: number;
}

/** Opens the leases for an ADD. @throws CniError leaseStore, also from the returned functions */
export function openBook(open: OpenFolder, { attachment, netns, releaseDelay }: BookOptions): OpenBook {
  const { folder, log } = open;
  const held = findLeases(folder, attachment, { isIndexed: open.index !== "none" });
  const recorder = startRecord(open, { owner: formatLease(attachment), netns, held });
  const isTaken = lookForNames(folder, fs.existsSync);
  const undos: (() => void)[] = [];
  const resting = () => (releaseDelay === 0 ? [] : findResting(folder, releaseDelay));
  const outlived = held.length === 0 ? [] : findOutlivedLeases(folder, held);
  const outlivedAt = (address: Address) => outlived.filter(({ name }) => name === formatAddress(address));
  const isOutlived = (address: Address) => outlivedAt(address).length > 0;
  return {
    held: addressesOf(held),
    last: (setIndex) => readLast(folder, setIndex, log),
    isOutlived,
    reserve: (address, setIndex) => {
      const name = formatAddress(address);
      if (isTaken(name) || !publish(open, recorder, name)) return false;
      undos.push(() => withdraw(open, name, recorder.owner));
      if (setIndex !== undefined) noteLast(folder, setIndex, name);
      return true;
    },
    renew: (address, setIndex) => {
      const name = formatAddress(address);
      undos.push(renew(open, recorder, name));
      noteLast(folder, setIndex, name);
    },
    reclaim: (where) =>
      explained("reclaim leases", () => {
        if (isAddress(where) && isOutlived(where)) return reclaimLeases(folder, outlivedAt(where), log) > 0;
        const names = isAddress(where) ? [formatAddress(where)] : listNames(folder).filter((name) => isIn(where, name));
        return reclaimLeases(folder, findDeadLeases(folder, readLeases(folder, names)), log) > 0;
      }),
    resting,
    holderOf: (address) => {
      const [lease] = explained("read a lease", () => readLeases(folder, [formatAddress(address)]));
      return lease === undefined || isVoid(lease) ? undefined : describeOwner(ownerOf(lease));
    },
    describe: (set) => formatCounts(countAddresses(folder, set, resting())),
    undo: () => {
      for (const undo of [...undos.reverse(), recorder.restore]) tryUndo(open, undo);
    },
  };
}

/** Creates a lease of the owner, after its record. False if the address is taken. */
function publish({ folder }: OpenFolder, { owner, time, add }: Recorder, name: string): boolean {
  return explained(`write the lease "${folder}/${name}"`, () =>
    files.publishFile(folder, { name, text: owner, time, announce: () => add(name) }),
  );
}

/**
 * Renews a lease for this boot. Returns a function that undoes it. Writes the record first: after a crash in between, the lease still
 * counts as old.
 */
function renew({ folder }: OpenFolder, { time, add }: Recorder, name: string): () => void {
  const path = `${folder}/${name}`;
  return explained(`renew the lease "${path}"`, () => {
    const { mtimeMs } = fs.statSync(path);
    add(name);
    files.redate(path, time);
    return () => files.redate(path, mtimeMs);
  });
}

function withdraw({ folder }: OpenFolder, name: string, text: string): void {
  explained(`remove the lease "${folder}/${name}"`, () => withdrawFile(folder, name, text));
}

function noteLast(folder: string, setIndex: number, name: string): void {
  const file = lastName(setIndex);
  explained(`write "${folder}/${file}"`, () => files.overwriteFile(folder, file, name));
}

/** The record of one ADD: writes it, and restores the old one if the ADD fails. */
interface Recorder {
  readonly owner: string;
  /** The modification time of all files that this ADD writes, in ms. */
  readonly time: number;
  /** Adds the address to the attachment's record. */
  readonly add: (name: string) => void;
  /** Restores the record from before. */
  readonly restore: () => void;
}

/** Starts the record. If it cannot be written, the index is marked incomplete, and the next call reads all leases. */
function startRecord(
  { folder, boot, spoilIndex }: OpenFolder,
  { owner, netns, held }: { owner: string; netns: string; held: readonly Lease[] },
): Recorder {
  const time = Date.now();
  const before = findRecord(folder, owner);
  const addresses = new Set(held.map(({ name }) => name));
  const identity = { time: String(time), boot, netns: identifyNetnsAt(netns), path: netns };
  let isChanged = false;
  const add = (name: string) => {
    isChanged = true;
    addresses.add(name);
    try {
      writeRecord(folder, owner, { addresses: [...addresses], ...identity });
    } catch {
      spoilIndex();
    }
  };
  const restore = () => {
    if (!isChanged) return;
    if (before === undefined) removeRecord(folder, owner);
    else writeRecord(folder, owner, before);
  };
  return { owner, time, add, restore };
}

/** Undoes a change. The caller needs the error of ADD, so an error of the undo is only logged. DEL deletes what is left. */
function tryUndo({ log, spoilIndex }: OpenFolder, undo: () => void): void {
  try {
    undo();
  } catch (error) {
    spoilIndex();
    log(reasonOf(error));
  }
}

function isAddress(where: RangeSet | Address): where is Address {
  return "family" in where;
}
