import { lockSync } from "proper-lockfile";
import fs from "#fs";
import { CniError } from "../../src/cni/error.ts";
import { discard } from "../../src/linux/discard.ts";
import { tryFlock, wasFlockHeld } from "../../src/linux/flock.ts";
import { makeFolders } from "../../src/linux/folder.ts";
import { ifPossible } from "../../src/platform/outcome.ts";
import { pause } from "../../src/platform/pause.ts";
import { explained } from "./lease-folder.ts";
import { recordsOf } from "./lease-record.ts";
import { errnoOf, storeFailure } from "./store-failure.ts";

/**
 * How long to wait for flock(2), in ms. Also the age at which a lock of proper-lockfile counts as left by a killed process: the minimum
 * that it allows.
 */
const STALE = 2000;

/** Longest pause between two attempts, in ms. */
const LONGEST_PAUSE = 25;

/**
 * The functions that proper-lockfile calls. It would copy all of node:fs, which takes 2 ms of a cold process. It dates a lock up to 1 s
 * ahead to measure the file system's time resolution for its refresh timer. That timer never runs in a synchronous process, so the lock
 * keeps its first date and ages from then on.
 */
const LOCK_FS = { mkdirSync: fs.mkdirSync, statSync: fs.statSync, rmdirSync: fs.rmdirSync, utimesSync: () => {} };

/**
 * How the lock is held. flock: no other call holds it. beside: a stopped call may go on at any time. folder: the file system has no
 * flock(2), and a call that was stopped for 2 s may go on.
 */
export type Hold = "flock" | "beside" | "folder";

/**
 * Runs `critical` while no other call of ours does so on the folder. Creates the folder if needed.
 * The lock only orders callers. A caller that has waited for 2 s goes on beside a stopped holder, so the file system itself must ensure
 * what has to be unique.
 * The lock is flock(2) on the folder of records, which needs no file and ends with the process. If the holder was stopped, or the file
 * system has no flock, it is proper-lockfile's: a folder with a hidden name, which the Go plugin and scripts that read the leases do not
 * see.
 * @throws CniError tryAgainLater after `patience` ms, leaseStore
 */
export function withLock<T>(folder: string, patience: number, critical: (hold: Hold) => T): T {
  makeRecords(folder);
  const { hold, release } = acquire(folder, patience);
  try {
    return critical(hold);
  } finally {
    // The work under the lock is done. A lock that cannot be released becomes stale by itself.
    ifPossible(release);
  }
}

/** The folder that proper-lockfile creates. */
export function lockPath(folder: string): string {
  return `${folder}/.state/lock`;
}

interface Lock {
  readonly hold: Hold;
  readonly release: () => void;
}

function acquire(folder: string, patience: number): Lock {
  const lock = lockPath(folder);
  const started = performance.now();
  for (let length = 1; ; length = Math.min(length * 2, LONGEST_PAUSE)) {
    const waited = performance.now() - started;
    const held = tryLock(folder, lock, waited);
    if (held !== undefined) return held;
    if (waited > patience) {
      throw new CniError("tryAgainLater", `Cannot get the lock "${lock}" within ${patience / 1000} s: others hold it`, {
        details: `try again; if nothing else uses the network, remove that folder`,
      });
    }
    pause(length * (0.5 + Math.random() / 2));
  }
}

/** Undefined if another call has the lock. */
function tryLock(folder: string, lock: string, waited: number): Lock | undefined {
  const found = lockRecords(folder);
  if (typeof found === "function") return { hold: "flock", release: found };
  if (found === "held" && waited < STALE) return undefined;
  const release = tryHard(folder, lock);
  return release && { hold: found === "held" ? "beside" : "folder", release };
}

/**
 * Takes flock(2) on the folder of records. Returns a function that releases it, or why it failed. proper-lockfile would cost every ADD 5
 * % to load, and on ext4 0.3 ms to create and delete its folder.
 */
function lockRecords(folder: string): (() => void) | "held" | "unsupported" {
  const fd = ifPossible(() => fs.openSync(recordsOf(folder), "r"));
  if (fd === undefined) return "unsupported";
  if (tryFlock(fd)) return () => discard(fd);
  const held = wasFlockHeld();
  discard(fd);
  return held ? "held" : "unsupported";
}

function tryHard(folder: string, lock: string): (() => void) | undefined {
  try {
    return lockSync(folder, { lockfilePath: lock, realpath: false, stale: STALE, fs: LOCK_FS });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ELOCKED") redate(lock);
    // Another call took the lock over at once, or the folder was deleted with its contents.
    else if (errno === "ENOENT") makeRecords(folder);
    else throw storeFailure(`make the lock "${lock}"`, error);
    return undefined;
  }
}

/** If the clock was set back, a lock has a date in the future and would not age until then. This dates it to now. */
function redate(lock: string): void {
  const now = Date.now();
  try {
    if (fs.statSync(lock).mtimeMs > now + STALE) fs.utimesSync(lock, now / 1000, now / 1000);
  } catch {
    // It was released since, which is fine.
  }
}

/**
 * Creates the folder of records, for root only. Who can open it can lock it. It also tells as much as the leases, which only root may
 * read.
 */
function makeRecords(folder: string): void {
  const records = recordsOf(folder);
  if (fs.existsSync(records)) return;
  makeFolder(folder);
  makeFolder(records, 0o700);
}

/** Creates the folder and its parents. Returns the first one that was missing. @throws CniError leaseStore */
export function makeFolder(folder: string, mode = 0o755): string | undefined {
  return explained(`make the folder of leases "${folder}"`, () => makeFolders(folder, mode));
}
