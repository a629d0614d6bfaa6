import fs from "#fs";
import { LinuxError } from "../platform/errno.ts";
import { libcServer } from "../platform/libc.ts";

/** Ends a process, from a terminal. <signal.h> */
export const SIGINT = 2;

/** Ends a process. <signal.h> */
export const SIGTERM = 15;

/** <signal.h> */
const SIG_BLOCK = 0;

/** <sys/signalfd.h> */
const SFD = { NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/** The bytes of a sigset_t. */
const SIGSET_SIZE = 128;

/** sizeof(struct signalfd_siginfo) <sys/signalfd.h> */
const SIGINFO_SIZE = 128;

/**
 * Holds signals back from now on, and opens a descriptor that is readable when one has arrived. A process with several threads, as
 * Node.js's, may get the signal in another thread and end at once. signalfd(2) @throws LinuxError
 */
export function openSignals(signals: readonly number[]): number {
  const { functions, errno } = libcServer();
  const mask = new Uint8Array(SIGSET_SIZE);
  for (const signal of signals) mask[(signal - 1) >> 3] = (mask[(signal - 1) >> 3] ?? 0) | (1 << ((signal - 1) & 7));
  if (functions.sigprocmask(SIG_BLOCK, mask, null) === -1)
    throw new LinuxError("hold signals back", { syscall: "sigprocmask", errno: errno() });
  const fd = functions.signalfd(-1, mask, SFD.NONBLOCK | SFD.CLOEXEC);
  if (fd === -1) throw new LinuxError("wait for signals", { syscall: "signalfd", errno: errno() });
  return fd;
}

/** The number of the signal that has arrived. @throws the errors of node:fs */
export function readSignal(fd: number): number {
  const info = new Uint8Array(SIGINFO_SIZE);
  fs.readSync(fd, info);
  return new DataView(info.buffer).getUint32(0, true);
}
