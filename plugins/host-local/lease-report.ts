import { findBoot } from "../../src/linux/boot-id.ts";
import { readShort } from "../../src/linux/bounded-file.ts";
import { isLeaseName, isVoid, type Lease, ownerOf } from "./lease.ts";
import { listNames, readLeases } from "./lease-folder.ts";
import { isIndexComplete } from "./lease-index.ts";
import { type LeaseRecord, ownerOfRecord, readRecord, recordName, recordsOf } from "./lease-record.ts";
import { type Examined, examineLeases, reasonOfDeath } from "./reclaim.ts";
import { readReleased } from "./resting.ts";

// What cnictl shows of a network's leases. It takes no lock and writes nothing, so it disturbs no ADD.

/** A lease as its file and its record tell it. */
export interface LeaseEntry {
  /** The name of its file. */
  readonly address: string;
  /** The text of its file. */
  readonly text: string;
  /** "" if the file names no owner. */
  readonly containerId: string;
  /** "" if the file does not name it, as before 2018. */
  readonly ifname: string;
  /** When ADD wrote it, in ms. */
  readonly since: number;
  /** Whether this project's ADD wrote it: then there is a record about it. */
  readonly isRecorded: boolean;
  readonly boot: "this" | "earlier";
  /** The path of the network namespace, if the record has it; else "". */
  readonly netns: string;
  /** Whether the namespace still exists, if the record tells. In a deserted one is no process, but a file or a mount keeps it. */
  readonly namespace: "alive" | "deserted" | "gone" | "unknown";
  /** Why nobody uses it any more, so that ADD may reclaim it; undefined if somebody may use it. */
  readonly reclaimable: string | undefined;
}

/** A network's folder of leases. */
export interface LeaseReport {
  readonly folder: string;
  /** In the order of the file names. */
  readonly leases: readonly LeaseEntry[];
  /** Released addresses that rest and are not leased, with the time of release in ms. */
  readonly resting: ReadonlyMap<string, number>;
  /** Names of records of attachments without a lease. */
  readonly strayRecords: readonly string[];
  /** What could not be read, as messages. */
  readonly unreadable: readonly string[];
}

/** Reads a network's leases. `releaseDelay` is the configured rest in seconds. @throws CniError leaseStore if the folder cannot be listed */
export function reportLeases(folder: string, releaseDelay: number): LeaseReport {
  const unread: unknown[] = [];
  const names = listNames(folder).filter(isLeaseName).sort();
  const records = new Set(listNames(recordsOf(folder)).filter((name) => !name.startsWith(".")));
  const indexed = isIndexComplete(folder, findBoot()) ? readIndex(folder, records) : new Map<string, IndexedLease>();
  const leases = readEach(folder, { names, indexed, unread });
  const examined = examineLeases(folder, leases, { records, recordOf: ({ name }) => indexed.get(name)?.record });
  const released = releaseDelay === 0 ? new Map<string, number>() : readReleased(folder, releaseDelay).released;
  const leased = new Set(released.size === 0 ? [] : names);
  return {
    folder,
    leases: examined.map(entryOf),
    resting: new Map([...released].filter(([address]) => !leased.has(address))),
    strayRecords: findStrays(records, examined),
    unreadable: unread.map((error) => (error instanceof Error ? error.message : String(error))),
  };
}

/** One lease, from its file; undefined if there is none. @throws CniError leaseStore if it cannot be read */
export function findLease(folder: string, address: string): LeaseEntry | undefined {
  const unread: unknown[] = [];
  const [lease] = readLeases(folder, [address], unread);
  if (unread.length > 0) throw unread[0];
  const [examined] = lease === undefined ? [] : examineLeases(folder, [lease]);
  return examined && entryOf(examined);
}

interface IndexedLease {
  readonly lease: Lease;
  readonly record: LeaseRecord;
}

/** The leases by name as the records have them. If the index is complete, this reads one link for each instead of a file. */
function readIndex(folder: string, records: ReadonlySet<string>): ReadonlyMap<string, IndexedLease> {
  const found = new Map<string, IndexedLease>();
  for (const name of records) {
    const owner = ownerOfRecord(name);
    const record = owner === undefined ? undefined : readRecord(folder, name);
    if (owner === undefined || record === undefined) continue;
    for (const address of record.addresses) found.set(address, { lease: { name: address, text: owner }, record });
  }
  return found;
}

/** A lease is shorter: two names of at most 253 and 15 bytes. */
const ROOM = 1024;

/**
 * The leases of these names: from the index, or else from their files like readLeases(), with half of its system calls. There may be
 * tens of thousands.
 */
function readEach(
  folder: string,
  {
    names,
    indexed,
    unread,
  }: { names: readonly string[]; indexed: ReadonlyMap<string, IndexedLease>; unread: unknown[] },
): readonly Lease[] {
  const buffer = new Uint8Array(ROOM);
  const leases: Lease[] = [];
  for (const name of names) {
    const known = indexed.get(name)?.lease;
    const text = known === undefined ? readShort(`${folder}/${name}`, buffer) : known.text;
    if (text === undefined) leases.push(...readLeases(folder, [name], unread));
    else leases.push(known ?? { name, text });
  }
  return leases;
}

/** The records of attachments without a lease. Usually each record has its lease, which is cheap to see. */
function findStrays(records: ReadonlySet<string>, examined: readonly Examined[]): readonly string[] {
  const withRecord = new Set<string>();
  for (const { lease, record } of examined) if (record !== undefined) withRecord.add(lease.text);
  if (withRecord.size === records.size) return [];
  const strays = new Set(records);
  for (const { lease } of examined) if (!isVoid(lease)) strays.delete(recordName(ownerOf(lease)));
  return [...strays];
}

function entryOf(examined: Examined): LeaseEntry {
  const { lease, mtime, record } = examined;
  const owner = isVoid(lease) ? "" : ownerOf(lease);
  const at = owner.indexOf("\r\n");
  return {
    address: lease.name,
    text: lease.text,
    containerId: at === -1 ? owner : owner.slice(0, at),
    ifname: at === -1 ? "" : owner.slice(at + 2),
    since: mtime,
    isRecorded: record !== undefined,
    boot: examined.isOutlived ? "earlier" : "this",
    netns: record?.path ?? "",
    namespace: namespaceOf(examined),
    reclaimable: reasonOfDeath(examined),
  };
}

function namespaceOf({ record, isOutlived, isOrphan, isDeserted }: Examined): LeaseEntry["namespace"] {
  if (isOutlived || isOrphan) return "gone";
  if (record === undefined || record.netns === "") return "unknown";
  return isDeserted ? "deserted" : "alive";
}
