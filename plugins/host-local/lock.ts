import { lockSync } from "proper-lockfile";
import fs from "#fs";
import { CniError } from "../../src/cni/error.ts";
import { tryFlock, wasFlockHeld } from "../../src/linux/flock.ts";
import { makeFolders } from "../../src/linux/folder.ts";
import { pause } from "../../src/platform/pause.ts";
import { recordsOf } from "./lease-record.ts";
import { errnoOf, storeFailure } from "./store-failure.ts";

/** How long in ms flock(2) is waited for, and the age at which a lock of proper-lockfile's counts as left by a killed process: its least. */
const STALE = 2000;

/** Longest pause in ms between two attempts. */
const LONGEST_PAUSE = 25;

/**
 * The calls that proper-lockfile makes: handed all of node:fs, it copies it, which takes 2 ms of a cold process. It dates
 * a lock up to 1 s ahead to learn how finely the file system dates, for its refreshing timer; that never fires in a
 * synchronous process, so the lock keeps the date of its making and ages at once.
 */
const LOCK_FS = { mkdirSync: fs.mkdirSync, statSync: fs.statSync, rmdirSync: fs.rmdirSync, utimesSync: () => {} };

/**
 * Runs `critical` while no other call of ours does so on the folder, which is made if need be. The lock orders callers
 * and nothing more: whoever has waited for 2 s goes on beside a holder that was stopped, so whatever must be unique is made so by
 * the file system. It is flock(2) on the folder of records, which needs no file and ends with the process; where a holder was stopped, and on file systems
 * without such locks, it is proper-lockfile's: a folder of a hidden name, which the Go plugin and scripts over the leases do not see.
 * @throws CniError tryAgainLater after `patience` ms, leaseStore
 */
export function withLock<T>(folder: string, patience: number, critical: () => T): T {
  makeRecords(folder);
  const release = acquire(folder, patience);
  try {
    return critical();
  } finally {
    letGo(release);
  }
}

function acquire(folder: string, patience: number): () => void {
  const lock = `${folder}/.state/lock`;
  const started = performance.now();
  for (let length = 1; ; length = Math.min(length * 2, LONGEST_PAUSE)) {
    const waited = performance.now() - started;
    const release = tryLock(folder, lock, waited);
    if (release !== undefined) return release;
    if (waited > patience) {
      throw new CniError("tryAgainLater", `Cannot get the lock "${lock}" within ${patience / 1000} s: others hold it`, {
        details: `try again; if nothing else uses the network, remove that folder`,
      });
    }
    pause(length * (0.5 + Math.random() / 2));
  }
}

/** The lock's release, or undefined where another has it. */
function tryLock(folder: string, lock: string, waited: number): (() => void) | undefined {
  const found = lockRecords(folder);
  if (typeof found === "function") return found;
  return found === "held" && waited < STALE ? undefined : tryHard(folder, lock);
}

/** flock(2) on the folder of records: its release, or what is in the way. proper-lockfile would cost every ADD 5 % to load, and on ext4 0.3 ms to make and remove its folder. */
function lockRecords(folder: string): (() => void) | "held" | "unsupported" {
  let fd: number;
  try {
    fd = fs.openSync(recordsOf(folder), "r");
  } catch {
    return "unsupported";
  }
  if (tryFlock(fd)) return () => fs.closeSync(fd);
  const held = wasFlockHeld();
  fs.closeSync(fd);
  return held ? "held" : "unsupported";
}

function tryHard(folder: string, lock: string): (() => void) | undefined {
  try {
    return lockSync(folder, { lockfilePath: lock, realpath: false, stale: STALE, fs: LOCK_FS });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ELOCKED") redate(lock);
    // Either the lock was taken from us the moment we had it, or somebody has removed the folder with all that is in it.
    else if (errno === "ENOENT") makeRecords(folder);
    else throw storeFailure(`make the lock "${lock}"`, error);
    return undefined;
  }
}

/** A lock from the future, for the clock was set back, would stay fresh until then: from now on it ages. */
function redate(lock: string): void {
  const now = Date.now();
  try {
    if (fs.statSync(lock).mtimeMs > now + STALE) fs.utimesSync(lock, now / 1000, now / 1000);
  } catch {
    // Released since, which is as good.
  }
}

/** The folder of records is root's alone: whoever may open it may lock it, and it says as much as the leases, which only root may read. */
function makeRecords(folder: string): void {
  const records = recordsOf(folder);
  if (fs.existsSync(records)) return;
  makeFolder(folder);
  makeFolder(records, 0o700);
}

/** Makes the folder and those above it; returns the first that it had to make. @throws CniError leaseStore */
export function makeFolder(folder: string, mode = 0o755): string | undefined {
  try {
    return makeFolders(folder, mode);
  } catch (error) {
    throw storeFailure(`make the folder of leases "${folder}"`, error);
  }
}

function letGo(release: () => void): void {
  try {
    release();
  } catch {
    // What the lock was for is done; it turns stale by itself.
  }
}
