import fs from "#fs";
import { ERRNO, errnoOf } from "../../linux/errno.ts";
import { libcRareFiles } from "../../linux/libc.ts";
import { poll } from "../../linux/poll.ts";
import { type Owner, ownerKey } from "../owner.ts";

/** The file whose lock (flock) the commands of iptables-legacy take; only root may open it. XT_LOCK_NAME of iptables */
const FILE = "/run/xtables.lock";

type Environment = Readonly<Record<string, string>>;

/** <fcntl.h> */
const O = { RDONLY: 0, RDWR: 0o2, CREAT: 0o100, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/** Locks of an attachment, and attachments of a network, side by side. */
const COMMANDS = 4;
const ATTACHMENTS = 0x10000;

/** Where a key's digits stand for a network, and for an interface of a container; as many of each count. */
const NETWORK = 0;
const ATTACHMENT = 17;
const DIGITS = 4;

/** Locks of bytes that belong to an open file, as a child inherits it. <fcntl.h> */
const F = { OFD_SETLK: 37, RDLCK: 0, WRLCK: 1 } as const;

/** Where struct flock of fcntl.h has type, start and length, and its size on 64-bit. */
const FLOCK = { type: 0, start: 8, length: 16, size: 32 } as const;

/** How long in ms somebody who looks may be in the way of a command, and a command in the way of who waits for its end. */
const BRIEF_MS = 100;
const PATIENCE_MS = 35_000;

/** Longest pause in ms between two tries. */
const LONGEST_PAUSE = 25;

/**
 * A descriptor for a command that changes rules: as long as that process has it, awaitRestores() knows that it runs, whatever has become
 * of the call that started it. `which`, 0 to 3, tells the commands of an attachment apart that may run at once. The caller closes it once the process has it too. Undefined where such locks are not to be had.
 */
export function holdRestore(
  owner: Owner,
  which: number,
  { environment }: { environment: Environment },
): number | undefined {
  const fd = openIfPossible(environment, O.RDWR | O.CREAT);
  if (fd === undefined) return undefined;
  const start = startOf(ownerKey(owner)) + which;
  if (waitForBytes(fd, { type: F.WRLCK, start, length: 1, patience: BRIEF_MS })) return fd;
  fs.closeSync(fd);
  return undefined;
}

/**
 * Waits until no command runs that a call began for the attachment, or for any of the network, that a key is of: a call that was killed
 * leaves them behind, and they change rules when it is their turn. False where one still runs after 35 seconds.
 */
export function awaitRestores(key: string, environment: Environment): boolean {
  const fd = openIfPossible(environment, O.RDONLY);
  if (fd === undefined) return true;
  try {
    const length = key.length > ATTACHMENT ? COMMANDS : COMMANDS * ATTACHMENTS;
    return waitForBytes(fd, { type: F.RDLCK, start: startOf(key), length, patience: PATIENCE_MS });
  } finally {
    fs.closeSync(fd);
  }
}

function openIfPossible(environment: Environment, flags: number): number | undefined {
  try {
    return fs.openSync(environment["XTABLES_LOCKFILE"] || FILE, flags | O.NONBLOCK | O.CLOEXEC, 0o600);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Where the locks of a key begin. */
function startOf(key: string): number {
  const read = (from: number) => Number.parseInt(key.slice(from, from + DIGITS), 16) || 0;
  return (read(NETWORK) * ATTACHMENTS + read(ATTACHMENT)) * COMMANDS;
}

/** Whether the lock was to be had in that time; a file system without such locks has none to wait for. */
function waitForBytes(
  fd: number,
  { patience, ...wanted }: { type: number; start: number; length: number; patience: number },
): boolean {
  const deadline = performance.now() + patience;
  for (let pause = 1; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const errno = tryBytes(fd, wanted);
    if (errno !== ERRNO.EAGAIN && errno !== ERRNO.EACCES) return errno === 0 || wanted.type === F.RDLCK;
    if (performance.now() > deadline) return false;
    poll([], pause);
  }
}

/** Returns 0, or the errno of the refusal. */
function tryBytes(fd: number, { type, start, length }: { type: number; start: number; length: number }): number {
  const lock = new Uint8Array(FLOCK.size);
  const view = new DataView(lock.buffer);
  view.setInt16(FLOCK.type, type, true);
  view.setBigInt64(FLOCK.start, BigInt(start), true);
  view.setBigInt64(FLOCK.length, BigInt(length), true);
  const { functions, errno } = libcRareFiles();
  return functions.fcntl(fd, F.OFD_SETLK, lock) === -1 ? errno() : 0;
}
