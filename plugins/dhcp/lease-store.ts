import fs from "#fs";
import { CniError, reasonOf } from "../../src/cni/error.ts";
import { readText } from "../../src/linux/bounded-file.ts";
import { discard } from "../../src/linux/discard.ts";
import { tryFlock } from "../../src/linux/flock.ts";
import { makeFolders } from "../../src/linux/folder.ts";
import { replaceFile } from "../../src/linux/replace-file.ts";
import { waitFor } from "../../src/linux/wait.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import { isGone, removeFile } from "../../src/steps/record-file.ts";
import { leasePath, type StoredLease } from "./lease-file.ts";
import { formatLease, type LeaseRecord } from "./lease-record.ts";

/** How long a call waits for the lock on the folder, in ms. It is held for two calls of the file system. */
const PATIENCE = 5000;

/** Writes a lease, in place of an older one of the attachment. @throws CniError leaseStore, tryAgainLater */
export function saveLease(folder: string, record: LeaseRecord): StoredLease {
  const path = leasePath(folder, record, record.family);
  const text = formatLease(record);
  try {
    makeFolders(folder, 0o700);
    withLock(folder, () => replaceFile(path, { draft: `${path}.new`, text, mode: 0o600 }));
  } catch (error) {
    if (error instanceof CniError) throw error;
    throw new CniError("leaseStore", `Cannot write the lease to "${path}": ${reasonOf(error)}`, { cause: error });
  }
  return { path, text, record };
}

/**
 * Writes a lease that has been renewed. Undefined if DEL has deleted the file since, or ADD has written another.
 * @throws CniError tryAgainLater, and the errors of node:fs
 */
export function replaceLease(folder: string, old: StoredLease, record: LeaseRecord): StoredLease | undefined {
  const text = formatLease(record);
  return withLock(folder, () => {
    if (findText(old.path) !== old.text) return undefined;
    replaceFile(old.path, { draft: `${old.path}.new`, text, mode: 0o600 });
    return { path: old.path, text, record };
  });
}

/** Deletes a lease file. A missing one is no error. @throws CniError tryAgainLater, and the errors of node:fs */
export function removeLease(folder: string, path: string): void {
  ignoring(isGone, () => withLock(folder, () => removeFile(path)));
}

function findText(path: string): string | undefined {
  return ignoring(isGone, () => readText(path));
}

/** Runs `act` while no other process changes the folder. The lock is flock(2) on the folder: the kernel releases that of a killed process. */
function withLock<T>(folder: string, act: () => T): T {
  const fd = fs.openSync(folder, "r");
  try {
    if (waitFor(() => tryFlock(fd) || undefined, PATIENCE) === undefined)
      throw new CniError("tryAgainLater", `Cannot lock the folder of leases "${folder}" within ${PATIENCE / 1000} s`);
    return act();
  } finally {
    discard(fd);
  }
}
