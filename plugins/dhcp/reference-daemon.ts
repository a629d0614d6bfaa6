import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { connectUnix, type UnixStream } from "../../src/linux/unix-stream.ts";
import { concat } from "../../src/platform/bytes.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { decodeError, encodeRelease } from "./gob.ts";

/** How long the daemon may take, in ms. */
const PATIENCE = 10_000;

/** What Go's net/rpc asks a server for, and the line that the server answers. */
const HELLO = "CONNECT /_goRPC_ HTTP/1.0\n\n";
const WELCOME = "HTTP/1.0 200 Connected to Go RPC\n\n";

/** Errors of a socket that nobody serves, and of a server that serves no RPC, as our own daemon. */
const NOBODY: readonly number[] = [
  ERRNO.ENOENT,
  ERRNO.ENOTDIR,
  ERRNO.ECONNREFUSED,
  ERRNO.EPIPE,
  ERRNO.ECONNRESET,
  ERRNO.ENAMETOOLONG,
];

/**
 * Has the Go plugins' daemon give back a lease, if there is one at the socket: it may hold one of before a migration. @throws CniError
 * tryAgainLater if it does not answer, or says no
 */
export function releaseElsewhere(request: Request, socket: string): void {
  try {
    const stream = connectUnix(socket, { atOnce: true });
    try {
      ask(stream, request);
    } finally {
      stream.close();
    }
  } catch (error) {
    if (!(error instanceof LinuxError || error instanceof RangeError)) throw error;
    if (error instanceof LinuxError && NOBODY.includes(error.errno)) return;
    throw new CniError("tryAgainLater", `Cannot ask the DHCP daemon at ${socket} to release: ${error.message}`, {
      cause: error,
    });
  }
}

function ask(stream: UnixStream, request: Request): void {
  const deadline = performance.now() + PATIENCE;
  stream.write(new TextEncoder().encode(HELLO));
  let answer: Uint8Array = new Uint8Array();
  const readUntil = <T>(look: (bytes: Uint8Array) => T | undefined): T => {
    for (;;) {
      const found = look(answer);
      if (found !== undefined) return found;
      answer = concat([answer, stream.read(deadline)]);
    }
  };
  const welcome = readUntil((bytes) => (bytes.length >= WELCOME.length ? bytes : undefined));
  if (new TextDecoder().decode(welcome.subarray(0, WELCOME.length)) !== WELCOME) return;
  answer = answer.subarray(WELCOME.length);
  stream.write(encodeRelease(request));
  const { error } = readUntil(decodeError);
  if (error !== "") throw new CniError("tryAgainLater", `error calling DHCP.Release: ${error}`);
}
