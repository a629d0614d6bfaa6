import fs from "#fs";
import { concat } from "../platform/bytes.ts";
import { ERRNO, errnoOf, LinuxError } from "../platform/errno.ts";
import { libcProcesses } from "../platform/libc.ts";
import { discard } from "./discard.ts";
import { poll } from "./poll.ts";
import { spawn } from "./spawn.ts";
import { closeStream, openHeld, openMemory, openPipe, openStream, type Stream } from "./stream.ts";

/** How a child process ended, by exit status or by signal, with everything that it printed. */
export interface Exit {
  readonly status: number | undefined;
  readonly signal: number | undefined;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** A running child process. It can print 64 KiB to each of its streams before it blocks until wait() is called. */
export interface Child {
  /** Sends the child its held input. A second call does nothing. */
  begin(): void;
  /**
   * Waits until the child ends. Call it once. @throws LinuxError ETIMEDOUT if the deadline passes, EFBIG if it prints too much; the
   * child is killed in both cases
   */
  wait(): Exit;
  /** Kills the child and drops its output. */
  abandon(): void;
}

export interface LaunchOptions {
  /** The arguments after its own path. Default: none. */
  readonly args?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: Uint8Array;
  /**
   * Holds `stdin` back until begin() or wait(). The child starts at the same time. At most 65,536 bytes, which fit into a pipe without a
   * reader. pipe(7)
   */
  readonly held?: boolean;
  /** A descriptor that the child inherits as its 3. */
  readonly inherited?: number | undefined;
  /** Milliseconds from the start until the child is killed. */
  readonly deadline: number;
  /** The limit in bytes for each of its two output streams. */
  readonly maxOutput: number;
}

/** <sys/syscall.h>; Linux has the system call since 5.3, glibc a function for it only since 2.36. */
const SYS = { pidfd_open: 434 } as const;

/** <sys/wait.h> */
const WNOHANG = 0x1;

/** <signal.h> */
const SIGKILL = 9;

const CHUNK = 64 * 1024;

/** How long in milliseconds to wait for a killed child to end. */
const KILLED_MS = 1_000;

/** A running child. */
interface Running {
  readonly executable: string;
  readonly pid: number;
  /** Becomes readable when the child ends; -1 if the kernel has no pidfd. */
  readonly pidfd: number;
  readonly streams: readonly [stdout: Stream, stderr: Stream];
  /** Our end of the pipe for held input, and that input. */
  readonly input: Stream;
  readonly stdin: Uint8Array;
  /** When to kill it, by `performance.now()`. */
  readonly end: number;
  readonly deadline: number;
  readonly maxOutput: number;
}

/**
 * Starts an executable, which runs in parallel. It inherits no descriptors except its standard input (a file with `stdin`, or a pipe
 * for it) and the write ends of two pipes. @throws LinuxError ENOENT, EACCES, ENOEXEC, …
 */
export function startChild(executable: string, options: LaunchOptions): Child {
  const { args = [], environment, stdin, inherited, deadline, maxOutput } = options;
  const end = performance.now() + deadline;
  const theirs: number[] = [];
  const streams = [openStream("stdout"), openStream("stderr")] as const;
  const input = openStream("stdin");
  try {
    theirs.push(options.held ? openHeld(input) : openMemory(stdin));
    for (const stream of streams) theirs.push(openPipe(stream));
    const pid = spawn(executable, { args, environment, stdio: theirs, inherited });
    const pidfd = libcProcesses().functions.syscall(SYS.pidfd_open, pid, 0);
    const child = { executable, pid, pidfd, streams, input, stdin, end, deadline, maxOutput };
    return { begin: () => begin(child), wait: () => finish(child), abandon: () => abandon(child) };
  } catch (error) {
    for (const stream of [...streams, input]) closeStream(stream);
    throw error;
  } finally {
    for (const fd of theirs) discard(fd);
  }
}

function finish(child: Running): Exit {
  try {
    begin(child);
    readOutput(child);
    const status = reap(child, child.end) ?? refuseDelay(child);
    const signal = status & 0x7f;
    const [stdout, stderr] = child.streams.map((stream) => concat(stream.chunks));
    const output = { stdout: stdout ?? new Uint8Array(), stderr: stderr ?? new Uint8Array() };
    return { status: signal === 0 ? status >> 8 : undefined, signal: signal === 0 ? undefined : signal, ...output };
  } catch (error) {
    if (!(error instanceof LinuxError && error.errno === ERRNO.ECHILD)) kill(child);
    throw error;
  } finally {
    closeAll(child);
  }
}

function abandon(child: Running): void {
  try {
    kill(child);
  } finally {
    closeAll(child);
  }
}

function closeAll(child: Running): void {
  for (const stream of [...child.streams, child.input]) closeStream(stream);
  if (child.pidfd !== -1) discard(child.pidfd);
}

/** Sends the child its held input. If the child has already ended, its exit status says why. */
function begin({ input, stdin }: Running): void {
  if (input.fd === -1) return;
  try {
    for (let at = 0; at < stdin.length; ) at += fs.writeSync(input.fd, stdin, at);
  } catch (error) {
    if (errnoOf(error) !== ERRNO.EPIPE) throw error;
  } finally {
    closeStream(input);
  }
}

/**
 * Reads until both streams or the child end. When the child has ended, the pipes' content is complete, even if other processes keep
 * them open.
 */
function readOutput(child: Running): void {
  const [stdout, stderr] = child.streams;
  let hasEnded = false;
  while (stdout.fd !== -1 || stderr.fd !== -1) {
    const timeout = hasEnded ? 0 : child.end - performance.now();
    const ready = poll([stdout.fd, stderr.fd, hasEnded ? -1 : child.pidfd], timeout);
    if (!ready.includes(true) && timeout <= 0) return;
    if (ready[0]) readChunk(child, stdout);
    if (ready[1]) readChunk(child, stderr);
    hasEnded ||= ready[2] === true;
  }
}

function readChunk(child: Running, stream: Stream): void {
  const chunk = new Uint8Array(CHUNK);
  const length = fs.readSync(stream.fd, chunk);
  if (length === 0) closeStream(stream);
  stream.size += length;
  stream.chunks.push(chunk.subarray(0, length));
  if (stream.size <= child.maxOutput) return;
  const reason = `it printed more than ${child.maxOutput} bytes to its ${stream.name} and was killed`;
  throw new LinuxError(`run "${child.executable}"`, { syscall: "read", errno: ERRNO.EFBIG, reason });
}

/** Waits for the child's end and reaps it. Returns the status of waitpid(2), or undefined if `end` passes first. */
function reap({ pid, pidfd, executable }: Running, end: number): number | undefined {
  const { functions, errno } = libcProcesses();
  const status = new Int32Array(1);
  for (;;) {
    const found = functions.waitpid(pid, new Uint8Array(status.buffer), WNOHANG);
    if (found === pid) return status[0];
    if (found === -1) throw new LinuxError(`wait for "${executable}"`, { syscall: "waitpid", errno: errno() });
    const left = end - performance.now();
    if (left <= 0) return undefined;
    poll([pidfd], pidfd === -1 ? 1 : left);
  }
}

function refuseDelay(child: Running): never {
  const reason = `it did not end within ${child.deadline} ms and was killed`;
  throw new LinuxError(`run "${child.executable}"`, { syscall: "poll", errno: ERRNO.ETIMEDOUT, reason });
}

function kill(child: Running): void {
  libcProcesses().functions.kill(child.pid, SIGKILL);
  reap(child, performance.now() + KILLED_MS);
}
