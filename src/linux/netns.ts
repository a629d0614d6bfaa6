import fs from "#fs";
import { ERRNO, errnoOf, LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";
import { AF, openSocket, SOCK } from "./socket.ts";

/** The file system that namespaces live on. <linux/magic.h> */
const NSFS_MAGIC = 0x6e736673;

/** The one they lived on before Linux 3.19. <linux/magic.h> */
const PROC_SUPER_MAGIC = 0x9fa0;

/** <fcntl.h>; non-blocking, so that a path to a pipe cannot hang us. */
const O = { RDONLY: 0, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/** <linux/sched.h> */
const CLONE_NEWNET = 0x40000000;

/** sizeof(struct statfs); `f_type` is its first field. <sys/statfs.h> */
const STATFS_SIZE = 120;

/** Opens the network namespace that a socket is in; since Linux 4.10. <linux/sockios.h> */
const SIOCGSKNS = 0x894c;

/** How often it is tried to come back: the kernel may be short of memory for the moment. */
const TRIES = 10;

/** The namespace that the calling thread is in. */
const OWN = "/proc/thread-self/ns/net";

/**
 * Opens a network namespace by its path, like "/run/netns/blue". The caller closes the descriptor.
 * @throws LinuxError with the kernel's errno when the path cannot be opened, EINVAL when it is no namespace
 */
export function openNetns(path: string): number {
  const fd = open(path);
  const statfs = new Uint8Array(STATFS_SIZE);
  const refused = libc().functions.fstatfs(fd, statfs) === -1 ? libc().errno() : undefined;
  const magic = new DataView(statfs.buffer).getUint32(0, true);
  if (refused === undefined && (magic === NSFS_MAGIC || magic === PROC_SUPER_MAGIC)) return fd;
  fs.closeSync(fd);
  const reason = `not a network namespace (file system type 0x${magic.toString(16)})`;
  throw new LinuxError(`open netns "${path}"`, {
    syscall: "fstatfs",
    ...(refused === undefined ? { errno: ERRNO.EINVAL, reason } : { errno: refused }),
  });
}

/** Opens the network namespace that the calling thread is in, also without /proc. The caller closes the descriptor. @throws LinuxError */
export function openOwnNetns(): number {
  try {
    return open(OWN);
  } catch (error) {
    if (!(error instanceof LinuxError && error.errno === ERRNO.ENOENT)) throw error;
    return openBySocket();
  }
}

/**
 * Runs a function with the calling thread inside a network namespace, given by path or by an open descriptor, and comes back.
 * Everything in `run` must be synchronous. A netlink socket opened inside keeps serving that namespace afterwards.
 * When there is no way back the process ends at once: nothing may go on in the wrong namespace.
 * @throws LinuxError when the namespace cannot be opened or entered, and whatever `run` throws
 */
export function withNetns<T>(netns: string | number, run: () => T): T {
  const target = typeof netns === "string" ? openNetns(netns) : netns;
  try {
    const own = openOwnNetns();
    try {
      enter(target);
      return comeBack(own, run);
    } finally {
      fs.closeSync(own);
    }
  } finally {
    if (typeof netns === "string") fs.closeSync(target);
  }
}

/** A socket belongs to the namespace in which it is made, which is that of the thread. */
function openBySocket(): number {
  const socket = openSocket(AF.UNIX, SOCK.STREAM, 0);
  try {
    const { functions, errno } = libc();
    const fd = functions.ioctl(socket, SIOCGSKNS, null);
    if (fd !== -1) return fd;
    throw new LinuxError(`open netns "${OWN}", or by a socket`, { syscall: "ioctl", errno: errno() });
  } finally {
    fs.closeSync(socket);
  }
}

function open(path: string): number {
  try {
    return fs.openSync(path, O.RDONLY | O.NONBLOCK | O.CLOEXEC);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    throw new LinuxError(`open netns "${path}"`, { syscall: "open", errno, cause });
  }
}

function enter(fd: number): void {
  const { functions, errno } = libc();
  if (functions.setns(fd, CLONE_NEWNET) !== -1) return;
  const refused = errno();
  throw new LinuxError(`enter netns "${pathOf(fd)}"`, { syscall: "setns", errno: refused });
}

/** By what path a descriptor was opened, or what else the kernel calls it. proc_pid_fd(5) */
function pathOf(fd: number): string {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return `descriptor ${fd}`;
  }
}

function comeBack<T>(own: number, run: () => T): T {
  try {
    return run();
  } finally {
    leave(own);
  }
}

function leave(own: number): void {
  const { functions, errno } = libc();
  for (let tries = 0; tries < TRIES; tries++) if (functions.setns(own, CLONE_NEWNET) !== -1) return;
  fs.writeSync(2, `Cannot leave the network namespace: setns failed with errno ${errno()}\n`);
  functions.abort();
}
