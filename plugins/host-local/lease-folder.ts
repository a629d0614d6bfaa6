import fs from "#fs";
import type { ContainerInterface } from "../../src/cni/request.ts";
import { type Address, parseAddress } from "../../src/ip/address.ts";
import { readText } from "../../src/linux/bounded-file.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { ignoring, translating } from "../../src/platform/outcome.ts";
import * as files from "./atomic-file.ts";
import { formatLease, isLeaseName, type Lease, selectLeases } from "./lease.ts";
import { findRecord } from "./lease-record.ts";
import { errnoOf, storeFailure } from "./store-failure.ts";

/** The file names in a folder; empty if it does not exist. @throws CniError leaseStore */
export function listNames(folder: string): readonly string[] {
  const read = () => ignoring([ERRNO.ENOENT], () => fs.readdirSync(folder)) ?? [];
  return explained(`read the folder of leases "${folder}"`, read);
}

/** Reads those of the files that are leases. For `unread` see `readFiles`. */
export function readLeases(folder: string, names: readonly string[], unread?: unknown[]): readonly Lease[] {
  return readFiles(folder, names.filter(isLeaseName), unread);
}

/** Reads these files, if they exist. Unreadable files are skipped, and their errors are added to `unread`. */
export function readFiles(folder: string, names: readonly string[], unread: unknown[] = []): readonly Lease[] {
  return names.flatMap((name) => {
    const path = `${folder}/${name}`;
    try {
      const text = files.readText(path);
      return text === undefined ? [] : [{ name, text }];
    } catch (error) {
      unread.push(storeFailure(`read the lease "${path}"`, error));
      return [];
    }
  });
}

/**
 * The attachment's leases: from its record if the index is complete, else by reading all leases. For `unread` see `readFiles`.
 * @throws CniError leaseStore
 */
export function findLeases(
  folder: string,
  attachment: ContainerInterface,
  { isIndexed, unread }: { isIndexed: boolean; unread?: unknown[] },
): readonly Lease[] {
  if (!isIndexed) return selectLeases(readLeases(folder, listNames(folder), unread), attachment);
  const owners = [formatLease(attachment), attachment.containerId.trim()];
  const names = owners.flatMap((owner) => addressesOf(folder, owner));
  return selectLeases(readLeases(folder, names, unread), attachment);
}

function addressesOf(folder: string, owner: string): readonly string[] {
  return explained(`read what "${folder}" knows of the attachment`, () => findRecord(folder, owner)?.addresses ?? []);
}

/** The last reserved address of a range set. If it is unknown, allocation starts from the beginning, which is harmless. */
export function readLast(folder: string, setIndex: number, log: (line: string) => void): Address | undefined {
  try {
    return parseAddress(readText(`${folder}/${lastName(setIndex)}`));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") log(`Error retrieving last reserved ip: ${error}`);
    return undefined;
  }
}

/** The file with the last reserved address of the range set with that index. */
export function lastName(setIndex: number): string {
  return `last_reserved_ip.${setIndex}`;
}

/** Runs an action on the folder. @throws CniError leaseStore, tryAgainLater: "Cannot <action>" */
export function explained<T>(action: string, act: () => T): T {
  return translating([Error], act, (error) => storeFailure(action, error));
}
