import fs from "#fs";
import path from "#path";
import { CniError } from "../cni/error.ts";
import { makeFolders } from "../linux/folder.ts";
import { ERRNO, errnoOf } from "../platform/errno.ts";
import { waitForFlock } from "./flock.ts";

/** The file is root's alone, in a folder of root's: whoever may open a file may lock it, and so could stop every ADD. */
const LOCK = "/run/cni/bridge/lock";

/** <fcntl.h>; non-blocking, so that a pipe in the file's place cannot hang us. */
const O = { RDONLY: 0, CREAT: 0o100, NOFOLLOW: 0o400000, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/** How long in ms others may keep it, hundreds of calls one after the other: less than a runtime waits for a call. */
const PATIENCE = 30_000;

/** What a call does with bridges: it finds one and adds a port, or it deletes one or takes back a change of one. */
export type BridgeUse = "used" | "withdrawn";

/**
 * Runs `act` while none of our calls withdraws a bridge (`used`: from when a bridge is found until a port of it is
 * there), or while none uses any (`withdrawn`: to delete one that has no ports, or to take back what was done to it). The lock is
 * flock(2), which ends with the process, and one for the whole machine. Where no file can be made `act` runs without: an ADD whose
 * bridge is deleted meanwhile then fails, and can be tried again. @throws CniError tryAgainLater
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

/** Undefined where it cannot be had, for /run is read-only, say. */
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
