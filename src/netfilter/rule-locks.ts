import fs from "#fs";
import { type ByteLock, tryBytes } from "../linux/byte-lock.ts";
import { discard } from "../linux/discard.ts";
import { waitFor } from "../linux/wait.ts";
import { errnoOf } from "../platform/errno.ts";
import { type Attachment, keyNumbers, ownerKey } from "./owner.ts";

/** The lock file (flock) of the iptables-legacy commands, which only root may open. XT_LOCK_NAME of iptables */
const FILE = "/run/xtables.lock";

type Environment = Readonly<Record<string, string>>;

/** <fcntl.h> */
const O = { RDONLY: 0, RDWR: 0o2, CREAT: 0o100, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/** The number of locks of an attachment, and of attachments of a network. */
const COMMANDS = 4;
const ATTACHMENTS = 0x10000;

/** The byte after all other locks. A call holds it while it changes rules that others keep changing. */
const TURN = COMMANDS * ATTACHMENTS * 0x10000;

/** The bytes of every command and of the turn. A shared lock on them is free while no call and no command holds one. */
export const EVERY_BYTE = { kind: "shared", start: 0, length: TURN + 1 } as const satisfies ByteLock;

/** How long in ms to wait to lock a command's byte, and how long to wait for a command to end. */
const BRIEF_MS = 100;
const PATIENCE_MS = 35_000;

/**
 * A descriptor that a command which changes rules of these attachments keeps open. While that process has it, awaitRestores() knows that
 * it runs, even if the call that started it was killed. `which`, 0 to 3, distinguishes the commands of an attachment that may run at once.
 * The caller closes the descriptor once the process has it. Undefined if locks are not available.
 */
export function holdRestores(
  owners: readonly Attachment[],
  which: number,
  { environment }: { environment: Environment },
): number | undefined {
  const starts = new Set(owners.map((owner) => startOf(ownerKey(owner)) + which));
  return hold([...starts], BRIEF_MS, environment);
}

/**
 * Waits until no command of the attachment or network of `key` runs. A killed call leaves its commands behind, and they change rules
 * later. False if one still runs after 35 seconds.
 */
export function awaitRestores(key: string, environment: Environment): boolean {
  const fd = openIfPossible(environment, O.RDONLY);
  if (fd === undefined) return true;
  try {
    const length = keyNumbers(key).attachment === undefined ? COMMANDS * ATTACHMENTS : COMMANDS;
    return waitForBytes(fd, { kind: "shared", start: startOf(key), length }, PATIENCE_MS) !== undefined;
  } finally {
    discard(fd);
  }
}

/**
 * A descriptor that only one call at a time holds, so that competing calls take turns. The caller closes it. Undefined if it is not
 * free within `patience` ms.
 */
export function holdTurn(patience: number): number | undefined {
  return hold([TURN], patience, {});
}

/** The file of these locks, which the commands of iptables-legacy lock, too. */
export function rulesLockFile(environment: Environment): string {
  return environment["XTABLES_LOCKFILE"] || FILE;
}

/** A descriptor with a lock on each of these bytes that becomes free within `patience` ms. Undefined if none does. */
function hold(starts: readonly number[], patience: number, environment: Environment): number | undefined {
  const fd = openIfPossible(environment, O.RDWR | O.CREAT);
  if (fd === undefined) return undefined;
  const taken = starts.filter(
    (start) => waitForBytes(fd, { kind: "exclusive", start, length: 1 }, patience) === "taken",
  );
  if (taken.length > 0) return fd;
  discard(fd);
  return undefined;
}

function openIfPossible(environment: Environment, flags: number): number | undefined {
  try {
    return fs.openSync(rulesLockFile(environment), flags | O.NONBLOCK | O.CLOEXEC, 0o600);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Undefined if another process holds a conflicting lock all the time. */
function waitForBytes(fd: number, lock: ByteLock, patience: number): "taken" | "none" | undefined {
  return waitFor(() => {
    const found = tryBytes(fd, lock);
    return found === "busy" ? undefined : found;
  }, patience);
}

/** The position of the first lock of a key. */
function startOf(key: string): number {
  const { network, attachment = 0 } = keyNumbers(key);
  return (network * ATTACHMENTS + attachment) * COMMANDS;
}
