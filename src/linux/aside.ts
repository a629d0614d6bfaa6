import { libcAio, native } from "../platform/libc.ts";
import { ifPossible } from "../platform/outcome.ts";

/** sizeof(struct aiocb) of glibc and musl on 64-bit. <aio.h> */
const AIOCB_SIZE = 168;

/** Offsets of its fields. */
const AIOCB = { fildes: 0, buf: 16, nbytes: 24, notify: 44 } as const;

/** No notification at the end. <signal.h> */
const SIGEV_NONE = 1;

/** A write that its caller does not wait for. */
export interface Aside {
  /** Whether the write continues after this process ends, so that this process need not wait for it. */
  readonly outlives: boolean;
  /** Whether the sender has ended. If the kernel has not answered by then, nothing was sent. */
  readonly hasEnded: () => boolean;
  /** Frees the bytes, which stay in place until then. Call it when the write has ended or need not be waited for. */
  readonly release: () => void;
}

/**
 * Sends a datagram from a separate process, or else from a thread, and returns at once. The process also keeps the descriptor `held`
 * open until the kernel is done. Undefined if neither is possible; then nothing is sent.
 */
export function sendAside(fd: number, bytes: Uint8Array, held = -1): Aside | undefined {
  return sendByProcess(fd, bytes, held) ?? writeByThread(fd, bytes);
}

/** Keeps a descriptor open for some milliseconds in a separate process, if that is possible. */
export function holdAside(fd: number, milliseconds: number): void {
  findNative()?.hold_aside(fd, milliseconds);
}

/** native/aside.c explains why this is safe. */
function sendByProcess(fd: number, bytes: Uint8Array, held: number): Aside | undefined {
  const functions = findNative();
  const id = functions?.send_aside(fd, bytes, bytes.length, held) ?? -1;
  if (id === -1) return undefined;
  let isThere = true;
  const hasEnded = () => {
    if (isThere) isThere = functions?.has_ended_aside(id) === 0;
    return !isThere;
  };
  // hasEnded() also reaps the process if it has ended.
  return { outlives: true, hasEnded, release: () => void hasEnded() };
}

function findNative() {
  return ifPossible(() => native().functions);
}

/** Uses aio_write(3), which also writes to a socket. */
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

/** Opens librt, which has aio_write before glibc 2.34. In newer versions it is a stub, and libc has aio_write. */
function openAio() {
  return ifPossible(() => libcAio());
}
