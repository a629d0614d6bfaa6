import fs from "#fs";
import { tryBytes } from "../../linux/byte-lock.ts";
import { discard } from "../../linux/discard.ts";
import { type FlockKind, tryFlock, wasFlockHeld } from "../../linux/flock.ts";
import { waitFor } from "../../linux/wait.ts";
import { EVERY_BYTE } from "../../netfilter/rule-locks.ts";
import { ERRNO } from "../../platform/errno.ts";
import { ignoring } from "../../platform/outcome.ts";
import { findHolders, type Holder } from "./lock-holders.ts";

/** A lock that calls take: flock(2) as they take it, or the bytes of commands that change rules. */
export interface Lock {
  readonly file: string;
  readonly how: FlockKind | "bytes";
}

/** How long in ms a lock must be held. A call holds it for some milliseconds. */
const LONG = 1000;

/** <fcntl.h>; O_NONBLOCK keeps us from hanging if a pipe is in place of the file. */
const O = { RDONLY: 0, NOFOLLOW: 0o400000, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/**
 * The processes that keep a lock for a second; none if none of them can be found. Undefined if a call could have it in that time, or if
 * calls of several processes take turns. It creates no file, and keeps no lock. @throws the errors of node:fs if the file cannot be opened
 */
export function findLongHolders(lock: Lock, patience = LONG): readonly Holder[] | undefined {
  if (!isHeld(lock)) return undefined;
  const kind = lock.how === "bytes" ? "bytes" : "flock";
  const first = findHolders(lock.file, kind);
  if (waitFor(() => !isHeld(lock) || undefined, patience) === true) return undefined;
  const last = findHolders(lock.file, kind);
  const same = last.filter(({ pid }) => first.some((holder) => holder.pid === pid));
  return same.length > 0 || last.length === 0 ? same : undefined;
}

function isHeld({ file, how }: Lock): boolean {
  const fd = openIfThere(file);
  if (fd === undefined) return false;
  try {
    if (how === "bytes") return tryBytes(fd, EVERY_BYTE) === "busy";
    return !tryFlock(fd, how) && wasFlockHeld();
  } finally {
    discard(fd);
  }
}

function openIfThere(file: string): number | undefined {
  return ignoring([ERRNO.ENOENT], () => fs.openSync(file, O.RDONLY | O.NOFOLLOW | O.NONBLOCK | O.CLOEXEC));
}
