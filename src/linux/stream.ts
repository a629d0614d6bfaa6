import fs from "#fs";
import { LinuxError } from "../platform/errno.ts";
import { libcProcesses } from "../platform/libc.ts";
import { discard } from "./discard.ts";

/** <sys/mman.h> */
const MFD = { CLOEXEC: 0x1 } as const;

/** <fcntl.h> */
const O = { CLOEXEC: 0o2000000 } as const;

/** One of the child's streams: our end of the pipe (-1 after its end) and the content so far. */
export interface Stream {
  readonly name: string;
  fd: number;
  size: number;
  readonly chunks: Uint8Array[];
}

/** A file in memory with this content, to be read from the start. */
export function openMemory(content: Uint8Array): number {
  const { functions, errno } = libcProcesses();
  const fd = functions.memfd_create(new TextEncoder().encode("stdin\0"), MFD.CLOEXEC);
  if (fd === -1) throw new LinuxError("make a file in memory", { syscall: "memfd_create", errno: errno() });
  try {
    // Written at positions, so that the reader starts at 0.
    for (let at = 0; at < content.length; ) at += fs.writeSync(fd, content, at, content.length - at, at);
    return fd;
  } catch (error) {
    discard(fd);
    throw error;
  }
}

/** A stream without a pipe. */
export function openStream(name: string): Stream {
  return { name, fd: -1, size: 0, chunks: [] };
}

/** Creates a pipe. The stream keeps the read end; returns the write end. */
export function openPipe(stream: Stream): number {
  const { read, write } = pipe();
  stream.fd = read;
  return write;
}

/** Creates a pipe. The stream keeps the write end; returns the read end. */
export function openHeld(stream: Stream): number {
  const { read, write } = pipe();
  stream.fd = write;
  return read;
}

function pipe(): { read: number; write: number } {
  const { functions, errno } = libcProcesses();
  const ends = new Int32Array(2);
  if (functions.pipe2(new Uint8Array(ends.buffer), O.CLOEXEC) === -1) {
    throw new LinuxError("make a pipe", { syscall: "pipe2", errno: errno() });
  }
  const [read = -1, write = -1] = ends;
  return { read, write };
}

/** Closes our end. A second call does nothing. */
export function closeStream(stream: Stream): void {
  if (stream.fd !== -1) discard(stream.fd);
  stream.fd = -1;
}
