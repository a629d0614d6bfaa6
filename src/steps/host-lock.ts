import fs from "#fs";
import path from "#path";
import { CniError } from "../cni/error.ts";
import { tryBytes } from "../linux/byte-lock.ts";
import { discard } from "../linux/discard.ts";
import type { FlockKind } from "../linux/flock.ts";
import { makeFolders } from "../linux/folder.ts";
import { waitFor } from "../linux/wait.ts";
import { ERRNO, errnoOf } from "../platform/errno.ts";
import { ifPossible } from "../platform/outcome.ts";
import { waitForFlock } from "./flock.ts";

/** The host-wide locks. Root owns the files and their folders. A process that can open a file can also lock it and so stop every ADD. */
export const HOST_LOCKS = {
  bridges: "/run/cni/bridge/lock",
  "VLAN links": "/run/cni/vlan/lock",
  "routing tables": "/run/cni/sbr/lock",
  "moved devices": "/run/cni/host-device/lock",
} as const;

/** <fcntl.h>; O_NONBLOCK keeps us from hanging if a pipe is in place of the file. */
const O = { RDWR: 0o2, CREAT: 0o100, NOFOLLOW: 0o400000, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/**
 * How long in ms to wait for others to release the lock. It covers hundreds of calls in a row and is shorter than a runtime's
 * timeout.
 */
export const HOST_LOCK_PATIENCE = 30_000;

/** How a call uses links that calls share. `used`: it finds one and puts a link on it. `withdrawn`: it deletes one or undoes a change of one. */
export type LinkUse = "used" | "withdrawn";

const KIND: Readonly<Record<LinkUse, FlockKind>> = { used: "shared", withdrawn: "exclusive" };

/**
 * Runs `act` while it holds a host-wide flock(2) on bridges, which ends with the process. `used` (from finding a bridge until
 * its port exists) excludes `withdrawn` (deleting a bridge without ports, or undoing a change). If the lock file cannot be
 * created, `act` runs without the lock. An ADD then fails if its bridge is deleted at that moment, and the runtime can try again.
 * @throws CniError tryAgainLater
 */
export function withBridges<T>(how: LinkUse, act: () => T): T {
  return withLock("bridges", KIND[how], act);
}

/**
 * Does for the links in VLANs that several containers share what withBridges() does for bridges. @throws CniError tryAgainLater
 */
export function withVlans<T>(how: LinkUse, act: () => T): T {
  return withLock("VLAN links", KIND[how], act);
}

/**
 * Runs `act` while no other call gives a device to a container or takes one from it. @throws CniError tryAgainLater
 */
export function withDevices<T>(act: () => T): T {
  return withLock("moved devices", "exclusive", act);
}

/**
 * Runs `act` while no other call chooses routing tables in the same network namespace. `identity` is that of identifyNetns(). Calls for
 * other namespaces do not wait: a container decides how many rules and routes its own calls have to read. The lock is on one byte of the
 * file and ends with the process. If the lock file cannot be created, `act` runs without the lock. @throws CniError tryAgainLater
 */
export function withTables<T>(identity: string, act: () => T): T {
  const start = Number.parseInt(identity, 10);
  return withHeld("routing tables", (fd) => waitForByte(fd, start), act);
}

function withLock<T>(what: keyof typeof HOST_LOCKS, kind: FlockKind, act: () => T): T {
  return withHeld(what, (fd) => waitForFlock(fd, HOST_LOCK_PATIENCE, kind), act);
}

function withHeld<T>(what: keyof typeof HOST_LOCKS, take: (fd: number) => boolean, act: () => T): T {
  const file = HOST_LOCKS[what];
  const fd = openLock(file);
  if (fd === undefined) return act();
  try {
    if (!take(fd)) {
      const message = `Cannot get the lock on this host's ${what} within ${HOST_LOCK_PATIENCE / 1000} s: other calls hold it`;
      throw new CniError("tryAgainLater", message, { details: `it is on ${file}: cnictl doctor names its holders` });
    }
    return act();
  } finally {
    discard(fd);
  }
}

function waitForByte(fd: number, start: number): boolean {
  const lock = { kind: "exclusive", start, length: 1 } as const;
  return waitFor(() => tryBytes(fd, lock) !== "busy" || undefined, HOST_LOCK_PATIENCE) ?? false;
}

/** Undefined if the file cannot be opened, for example because /run is read-only. */
function openLock(file: string): number | undefined {
  const open = () => fs.openSync(file, O.RDWR | O.CREAT | O.NOFOLLOW | O.NONBLOCK | O.CLOEXEC, 0o600);
  try {
    return open();
  } catch (error) {
    if (errnoOf(error) !== ERRNO.ENOENT) return undefined;
  }
  return ifPossible(() => {
    makeFolders(path.dirname(file), 0o700);
    return open();
  });
}
