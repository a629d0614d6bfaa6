import fs from "#fs";
import type { ContainerInterface } from "../../src/cni/request.ts";
import { type Address, parseAddress } from "../../src/ip/address.ts";
import { readText } from "../../src/linux/bounded-file.ts";
import * as files from "./atomic-file.ts";
import { formatLease, isLeaseName, type Lease, selectLeases } from "./lease.ts";
import { findRecord } from "./lease-record.ts";
import { errnoOf, storeFailure } from "./store-failure.ts";

/** The names in a folder that need not exist. @throws CniError leaseStore */
export function listNames(folder: string): readonly string[] {
  return attempt(`read the folder of leases "${folder}"`, () => {
    try {
      return fs.readdirSync(folder);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw error;
    }
  });
}

/** Those of the files that are leases, with what they say; for `unread` see `readFiles`. */
export function readLeases(folder: string, names: readonly string[], unread?: unknown[]): readonly Lease[] {
  return readFiles(folder, names.filter(isLeaseName), unread);
}

/** What these files say, as far as they are there. Those that cannot be read are passed over; why not goes into `unread`. */
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
 * The leases of the attachment: by its record where the index is complete, else by reading all; for `unread` see `readFiles`.
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
  return attempt(`read what "${folder}" knows of the attachment`, () => findRecord(folder, owner)?.addresses ?? []);
}

/** The address noted as the last of a range set. Where it cannot be told, allocation starts over, which is no harm. */
export function readLast(folder: string, setIndex: number, log: (line: string) => void): Address | undefined {
  try {
    return parseAddress(readText(`${folder}/${lastName(setIndex)}`));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") log(`Error retrieving last reserved ip: ${error}`);
    return undefined;
  }
}

/** The file that notes the address last taken from the range set of that index. */
export function lastName(setIndex: number): string {
  return `last_reserved_ip.${setIndex}`;
}

/** Does something to the folder. @throws CniError leaseStore, tryAgainLater: "Cannot <action>" */
export function attempt<T>(action: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw storeFailure(action, error);
  }
}
