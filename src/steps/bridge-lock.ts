import fs from "#fs";
import path from "#path";
import { CniError } from "../cni/error.ts";
import { makeFolders } from "../linux/folder.ts";
import { ERRNO, errnoOf } from "../platform/errno.ts";
import { waitForFlock } from "./flock.ts";

/** Root owns the file and its folder. A process that can open a file can also lock it and so stop every ADD. */
const LOCK = "/run/cni/bridge/lock";

/** <fcntl.h>; O_NONBLOCK keeps us from hanging if a pipe is in place of the file. */
const O = { RDONLY: 0, CREAT: 0o100, NOFOLLOW: 0o400000, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/**
 * How long in ms to wait for others to release the lock. It covers hundreds of calls in a row and is shorter than a runtime's
 * timeout.
 */
const PATIENCE = 30_000;

/** How a call uses bridges. `used`: it finds a bridge and adds a port. `withdrawn`: it deletes a bridge or undoes a change of one. */
export type BridgeUse = "used" | "withdrawn";

/**
 * Runs `act` while it holds a host-wide flock(2) on bridges, which ends with the process. `used` (from finding a bridge until
 * its port exists) excludes `withdrawn` (deleting a bridge without ports, or undoing a change). If the lock file cannot be
 * created, `act` runs without the lock. An ADD then fails if its bridge is deleted meanwhile, and the runtime can try again.
 * @throws CniError tryAgainLater
 */
export function withBridges<T>(how: BridgeUse, act: () => T): T {
  const fd = openLock();
  if (fd === undefined) return act();
  try {
    if (!waitForFlock(fd, PATIENCE, how === "used" ? "shared" : "exclusive")) {
      const message = `Cannot get the lock on this host's bridges within ${PATIENCE / 1000} s: other calls hold it`;
      throw new CniError("tryAgainLater", message, { details: `it is on ${LOCK}: lslocks names its holders` });
    }
    return act();
  } finally {
    fs.closeSync(fd);
  }
}

/** Undefined if the file cannot be opened, for example because /run is read-only. */
function openLock(): number | undefined {
  const open = () => fs.openSync(LOCK, O.RDONLY | O.CREAT | O.NOFOLLOW | O.NONBLOCK | O.CLOEXEC, 0o600);
  try {
    return open();
  } catch (error) {
    if (errnoOf(error) !== ERRNO.ENOENT) return undefined;
  }
  try {
    makeFolders(path.dirname(LOCK), 0o700);
    return open();
  } catch {
    return undefined;
  }
}
