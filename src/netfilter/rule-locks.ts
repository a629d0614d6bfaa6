import fs from "#fs";
import { type ByteLock, tryBytes } from "../linux/byte-lock.ts";
import { waitFor } from "../linux/wait.ts";
import { errnoOf } from "../platform/errno.ts";
import { type Attachment, keyNumbers, ownerKey } from "./owner.ts";

/** The file whose lock (flock) the commands of iptables-legacy take; only root may open it. XT_LOCK_NAME of iptables */
const FILE = "/run/xtables.lock";

type Environment = Readonly<Record<string, string>>;

/** <fcntl.h> */
const O = { RDONLY: 0, RDWR: 0o2, CREAT: 0o100, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/** Locks of an attachment, and attachments of a network, side by side. */
const COMMANDS = 4;
const ATTACHMENTS = 0x10000;

/** Behind them all: the byte of who changes rules that others change all the time. */
const TURN = COMMANDS * ATTACHMENTS * 0x10000;

/** How long in ms somebody who looks may be in the way of a command, and a command in the way of who waits for its end. */
const BRIEF_MS = 100;
const PATIENCE_MS = 35_000;

/**
 * A descriptor for a command that changes rules: as long as that process has it, awaitRestores() knows that it runs, whatever has become
 * of the call that started it. `which`, 0 to 3, tells the commands of an attachment apart that may run at once. The caller closes it once the process has it too. Undefined where such locks are not to be had.
 */
export function holdRestore(
  owner: Attachment,
  which: number,
  { environment }: { environment: Environment },
): number | undefined {
  return hold(startOf(ownerKey(owner)) + which, BRIEF_MS, environment);
}

/**
 * Waits until no command runs that a call began for the attachment, or for any of the network, that a key is of: a call that was killed
 * leaves them behind, and they change rules when it is their turn. False where one still runs after 35 seconds.
 */
export function awaitRestores(key: string, environment: Environment): boolean {
  const fd = openIfPossible(environment, O.RDONLY);
  if (fd === undefined) return true;
  try {
    const length = keyNumbers(key).attachment === undefined ? COMMANDS * ATTACHMENTS : COMMANDS;
    return waitForBytes(fd, { kind: "shared", start: startOf(key), length }, PATIENCE_MS) !== undefined;
  } finally {
    fs.closeSync(fd);
  }
}

/** A descriptor that one call at a time has: for those that are in each other's way. The caller closes it. Undefined where it is not to be had in that many ms. */
export function holdTurn(patience: number): number | undefined {
  return hold(TURN, patience, {});
}

function hold(start: number, patience: number, environment: Environment): number | undefined {
  const fd = openIfPossible(environment, O.RDWR | O.CREAT);
  if (fd === undefined) return undefined;
  if (waitForBytes(fd, { kind: "exclusive", start, length: 1 }, patience) === "taken") return fd;
  fs.closeSync(fd);
  return undefined;
}

function openIfPossible(environment: Environment, flags: number): number | undefined {
  try {
    return fs.openSync(environment["XTABLES_LOCKFILE"] || FILE, flags | O.NONBLOCK | O.CLOEXEC, 0o600);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Undefined where somebody else's lock is in the way all the time. */
function waitForBytes(fd: number, lock: ByteLock, patience: number): "taken" | "none" | undefined {
  return waitFor(() => {
    const found = tryBytes(fd, lock);
    return found === "busy" ? undefined : found;
  }, patience);
}

/** Where the locks of a key begin. */
function startOf(key: string): number {
  const { network, attachment = 0 } = keyNumbers(key);
  return (network * ATTACHMENTS + attachment) * COMMANDS;
}
