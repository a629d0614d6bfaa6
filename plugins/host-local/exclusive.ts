import fs from "#fs";
import type { AwaitLock, Request } from "../../src/cni/request.ts";
import { findBoot } from "../../src/linux/boot-id.ts";
import { discard } from "../../src/linux/discard.ts";
import { ifPossible } from "../../src/platform/outcome.ts";
import { pause } from "../../src/platform/pause.ts";
import { waitForFlock } from "../../src/steps/flock.ts";
import { isAside, sweep } from "./aside-file.ts";
import { isVoid } from "./lease.ts";
import { listNames, readLeases } from "./lease-folder.ts";
import { goLockPath, hasGoLock, isIndexComplete, markIndexComplete, rebuildIndex } from "./lease-index.ts";
import { type Hold, lockPath, withLock } from "./lock.ts";
import { findDeadLeases, reclaimLeases } from "./reclaim.ts";
import { storeFailure } from "./store-failure.ts";

/** <fcntl.h>; non-blocking, so that a pipe in a file's place cannot block us. */
const O_RDONLY = 0;
const O_NONBLOCK = 0o4000;

/** A network's folder during a call. */
export interface OpenFolder {
  readonly folder: string;
  readonly log: (line: string) => void;
  /** The kernel's ID of this boot; may be "". */
  readonly boot: string;
  readonly index: Index;
  /** Whether no other call can be between its record and its lease: a record without a lease is left by a killed one. */
  readonly isAlone: () => boolean;
  /** Call this if a record could not be written. */
  readonly spoilIndex: () => void;
}

/**
 * complete: records list every lease. passing: so too, but recheck next time, because a killed call has left something. none: read all
 * leases.
 */
type Index = "complete" | "passing" | "none";

export interface Store {
  readonly folder: string;
  /** Logs one line. */
  readonly log: (line: string) => void;
  readonly awaitLock?: AwaitLock | undefined;
}

/** The folder of a call's network. */
export function storeOf(
  { log, awaitLock }: Pick<Request, "log" | "awaitLock">,
  { folder }: Pick<Store, "folder">,
): Store {
  return { folder, log, awaitLock };
}

/** Pauses in ms, in which a concurrent DEL finishes. */
const MOMENTS = [1, 2, 4];

/**
 * Runs `act` with the folder's lock, and also the Go plugin's lock if a Go plugin has ever been used here. Completes the index first.
 * @throws CniError tryAgainLater if the lock is not free within `patience` ms, leaseStore
 */
export function withOpenFolder<T>(store: Store, patience: number, act: (open: OpenFolder) => T): T {
  return withGoLock(store, patience, (lock) => withIndex(store, { patience, lock }, act));
}

/**
 * Runs `act`, which is safe without a lock. If the index is complete, no lock is taken. If no lock can be had (full disk, or others hold
 * it), `act` reads all leases.
 */
export function withFolder<T>(store: Store, patience: number, act: (open: OpenFolder) => T): T {
  return withGoLock(store, patience, (lock) => {
    const boot = findBoot();
    if (lock.isKept && isIndexComplete(store.folder, boot))
      return actAndMark(store, { boot, index: "complete", isAlone: () => false, lock }, act);
    let isBegun = false;
    try {
      return withIndex(store, { patience, lock }, (open) => {
        isBegun = true;
        return act(open);
      });
    } catch (error) {
      if (isBegun) throw error;
      return act({ ...store, boot, index: "none", isAlone: () => false, spoilIndex: () => {} });
    }
  });
}

/** Runs `act` with the folder's own lock, and completes the index first. */
function withIndex<T>(
  store: Store,
  { patience, lock }: { patience: number; lock: GoLock },
  act: (open: OpenFolder) => T,
): T {
  const { folder } = store;
  const endWait = store.awaitLock?.(`lock the leases in "${folder}"`);
  try {
    return withLock(folder, patience, (hold) => {
      endWait?.();
      const boot = findBoot();
      const isAlone = () => hold === "flock" && !fs.existsSync(lockPath(folder));
      const index = waitForIndex(folder, boot) ? "complete" : indexLeases(store, { boot, isAlone });
      return actAndMark(store, { boot, index: lock.isKept ? lastingOf(index, hold) : "none", isAlone, lock }, act);
    });
  } catch (error) {
    endWait?.(error);
    throw error;
  }
}

/** A stopped call that goes on may write a lease whose record was deleted: the index is not marked complete beside it. */
function lastingOf(index: Index, hold: Hold): Index {
  return index === "complete" && hold === "beside" ? "passing" : index;
}

interface GoLock {
  /** Whether a Go plugin has been used here. */
  readonly exists: boolean;
  /** Whether no Go plugin is running now, except possibly the first one ever. */
  readonly isKept: boolean;
}

interface Beginning {
  readonly boot: string;
  readonly index: Index;
  readonly isAlone: () => boolean;
  readonly lock: GoLock;
}

/** Our changes keep a complete index complete, even if `act` fails, so it is marked complete in any case. */
function actAndMark<T>(store: Store, { boot, index, isAlone, lock }: Beginning, act: (open: OpenFolder) => T): T {
  let isSpoilt = index !== "complete";
  const spoilIndex = () => {
    isSpoilt = true;
  };
  try {
    return act({ ...store, boot, index, isAlone, spoilIndex });
  } finally {
    if (!isSpoilt && !isIndexComplete(store.folder, boot)) markIndexComplete(store.folder, lock.exists);
  }
}

/**
 * Runs `act` with the Go plugin's lock. If others hold it for `patience` ms, logs that and runs `act` without it: a stopped process must not
 * keep every container from starting.
 */
function withGoLock<T>({ folder, log, awaitLock }: Store, patience: number, act: (lock: GoLock) => T): T {
  if (!hasGoLock(folder)) return act({ exists: false, isKept: true });
  const fd = openGoLock(folder);
  if (fd === undefined) return act({ exists: true, isKept: false });
  const file = goLockPath(folder);
  try {
    const endWait = awaitLock?.(`lock "${file}"`);
    const isKept = waitForFlock(fd, patience);
    const refusal = isKept ? undefined : new Error(describeHeld(file, patience));
    if (refusal !== undefined) log(refusal.message);
    endWait?.(refusal);
    return act({ exists: true, isKept });
  } finally {
    discard(fd);
  }
}

function describeHeld(file: string, patience: number): string {
  return `Going on without the lock "${file}": another process has held it for ${patience / 1000} s`;
}

function openGoLock(folder: string): number | undefined {
  return ifPossible(() => fs.openSync(goLockPath(folder), O_RDONLY | O_NONBLOCK));
}

/** Whether the index is complete. A concurrent DEL makes it look incomplete for a moment, so this waits a little. */
function waitForIndex(folder: string, boot: string): boolean {
  if (isIndexComplete(folder, boot)) return true;
  if (!fs.existsSync(`${folder}/.state/boot`)) return false;
  return MOMENTS.some((moment) => {
    pause(moment);
    return isIndexComplete(folder, boot);
  });
}

/** Deletes what killed calls left, and completes the index. Returns "passing" if some of that is too new to delete. */
function indexLeases(store: Store, { boot, isAlone }: Pick<OpenFolder, "boot" | "isAlone">): Index {
  const { folder, log } = store;
  try {
    const names = listNames(folder);
    sweep(folder, names);
    const unread: unknown[] = [];
    const leases = readLeases(folder, names, unread);
    if (unread.length > 0) throw unread[0];
    const empty = leases.filter(isVoid);
    const cleared = empty.length === 0 ? 0 : reclaimLeases(folder, findDeadLeases(folder, empty), log);
    const owned = leases.filter((lease) => !isVoid(lease));
    rebuildIndex(folder, owned, { boot, isAlone: isAlone() });
    return cleared === empty.length && !listNames(folder).some(isAside) ? "complete" : "passing";
  } catch (error) {
    log(storeFailure(`index the leases in "${folder}/.state"`, error).message);
    return "none";
  }
}
