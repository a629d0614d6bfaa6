import { libcAio } from "./libc.ts";

/** sizeof(struct aiocb) of glibc and musl on 64-bit. <aio.h> */
const AIOCB_SIZE = 168;

/** Where its fields are. */
const AIOCB = { fildes: 0, buf: 16, nbytes: 24, notify: 44 } as const;

/** Nobody is told of the end. <signal.h> */
const SIGEV_NONE = 1;

/**
 * Writes to a descriptor in a thread of libc's and returns at once, by aio_write(3), which writes to a socket too. What it returns is to
 * be called once the write is known to be over: until then the bytes must not move. Undefined where it cannot be had: nothing is
 * written then.
 */
export function writeAside(fd: number, bytes: Uint8Array): (() => void) | undefined {
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
  return () => {
    block.fill(0);
    content.fill(0);
  };
}

/** Before glibc 2.34 it is there, and since then it leads to where it is. */
function openAio() {
  try {
    return libcAio();
  } catch {
    return undefined;
  }
}
