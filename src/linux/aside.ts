import { libcAio, native } from "../platform/libc.ts";

/** sizeof(struct aiocb) of glibc and musl on 64-bit. <aio.h> */
const AIOCB_SIZE = 168;

/** Where its fields are. */
const AIOCB = { fildes: 0, buf: 16, nbytes: 24, notify: 44 } as const;

/** Nobody is told of the end. <signal.h> */
const SIGEV_NONE = 1;

/** A write that its caller does not wait for. */
export interface Aside {
  /** Whether it goes on when this process has ended, which then need not wait for it. */
  readonly outlives: boolean;
  /** Whether nobody is about to send any more: with no answer from the kernel, nothing was sent. */
  readonly hasEnded: () => boolean;
  /** To be called once the write is known to be over, or need not be waited for: until then the bytes do not move. */
  readonly release: () => void;
}

/**
 * Sends a datagram by a process of its own, which keeps `held`, another descriptor, open as well until the kernel is done, or else by
 * a thread, and returns at once. Undefined where neither can be had: nothing is sent then.
 */
export function sendAside(fd: number, bytes: Uint8Array, held = -1): Aside | undefined {
  return sendByProcess(fd, bytes, held) ?? writeByThread(fd, bytes);
}

/** Keeps a descriptor open for some milliseconds by a process of its own, where it can be had. */
export function holdAside(fd: number, milliseconds: number): void {
  findNative()?.hold_aside(fd, milliseconds);
}

/** native/aside.c says why that is safe. */
function sendByProcess(fd: number, bytes: Uint8Array, held: number): Aside | undefined {
  const functions = findNative();
  const id = functions?.send_aside(fd, bytes, bytes.length, held) ?? -1;
  if (id === -1) return undefined;
  let isThere = true;
  const hasEnded = () => {
    if (isThere) isThere = functions?.has_ended_aside(id) === 0;
    return !isThere;
  };
  // Where it is over already, nobody else has to be told of its end.
  return { outlives: true, hasEnded, release: () => void hasEnded() };
}

function findNative() {
  try {
    return native().functions;
  } catch {
    return undefined;
  }
}

/** By aio_write(3), which writes to a socket too. */
function writeByThread(fd: number, bytes: Uint8Array): Aside | undefined {
  const library = openAio();
  if (library === undefined) return undefined;
  const content = new Uint8Array(new ArrayBuffer(bytes.length));
  content.set(bytes);
  const block = new Uint8Array(new ArrayBuffer(AIOCB_SIZE));
  const view = new DataView(block.buffer);
  view.setInt32(AIOCB.fildes, fd, true);
  view.setBigUint64(AIOCB.buf, library.addressOf(content), true);
  view.setBigUint64(AIOCB.nbytes, BigInt(content.length), true);
  view.setInt32(AIOCB.notify, SIGEV_NONE, true);
  if (library.functions.aio_write(block) !== 0) return undefined;
  const release = () => {
    block.fill(0);
    content.fill(0);
  };
  return { outlives: false, hasEnded: () => false, release };
}

/** Before glibc 2.34 it is there, and since then it leads to where it is. */
function openAio() {
  try {
    return libcAio();
  } catch {
    return undefined;
  }
}
