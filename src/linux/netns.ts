import fs from "#fs";
import { asLinuxError, ERRNO, LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";
import { handling, ifPossible } from "../platform/outcome.ts";
import { discard } from "./discard.ts";
import { AF, openSocket, SOCK } from "./socket.ts";

/** The file system of namespaces. <linux/magic.h> */
const NSFS_MAGIC = 0x6e736673;

/** The file system of namespaces before Linux 3.19. <linux/magic.h> */
const PROC_SUPER_MAGIC = 0x9fa0;

/** <fcntl.h>; O_NONBLOCK keeps us from hanging if the path leads to a pipe. */
const O = { RDONLY: 0, NONBLOCK: 0o4000, CLOEXEC: 0o2000000, PATH: 0o10000000 } as const;

/** <linux/sched.h> */
const CLONE_NEWNET = 0x40000000;

/** sizeof(struct statfs); `f_type` is its first field. <sys/statfs.h> */
const STATFS_SIZE = 120;

/** Opens the network namespace of a socket; since Linux 4.10. <linux/sockios.h> */
const SIOCGSKNS = 0x894c;

/** How many times to try to return: the kernel may be short of memory for a moment. */
const TRIES = 10;

/** What another process has mounted and open. proc_pid_root(5), proc_pid_fd(5) */
const FOREIGN = /^\/proc\/\d+\/(?:root|fd)\//;

/** The network namespace of the calling thread. */
const OWN = "/proc/thread-self/ns/net";

/**
 * Opens a network namespace by its path, like "/run/netns/blue". The caller closes the descriptor. @throws LinuxError with the
 * kernel's errno if the path cannot be opened, EINVAL if it is not a namespace
 */
export function openNetns(path: string): number {
  return FOREIGN.test(path) ? openForeign(path) : openChecked(path, path);
}

/**
 * A path on whose end a container decides: a device may be there by now, and opening it may do what the container is not allowed to. So
 * nothing but a namespace is opened.
 */
function openForeign(path: string): number {
  const place = openChecked(path, path, O.PATH | O.CLOEXEC);
  try {
    return openChecked(`/proc/self/fd/${place}`, path);
  } finally {
    discard(place);
  }
}

/** Opens a file that must be a namespace; `path` names it in errors. */
function openChecked(file: string, path: string, flags?: number): number {
  const fd = open(file, flags);
  const statfs = new Uint8Array(STATFS_SIZE);
  const refused = libc().functions.fstatfs(fd, statfs) === -1 ? libc().errno() : undefined;
  const magic = new DataView(statfs.buffer).getUint32(0, true);
  if (refused === undefined && (magic === NSFS_MAGIC || magic === PROC_SUPER_MAGIC)) return fd;
  discard(fd);
  const reason = `not a network namespace (file system type 0x${magic.toString(16)})`;
  throw new LinuxError(`open netns "${path}"`, {
    syscall: "fstatfs",
    ...(refused === undefined ? { errno: ERRNO.EINVAL, reason } : { errno: refused }),
  });
}

/** Opens the network namespace of the calling thread, even without /proc. The caller closes the descriptor. @throws LinuxError */
export function openOwnNetns(): number {
  return handling([ERRNO.ENOENT], () => open(OWN), openBySocket);
}

/**
 * Runs a function with the calling thread inside a network namespace (a path or an open descriptor), and returns. `run` must be fully
 * synchronous. A netlink socket opened inside keeps serving that namespace. If the thread cannot return, the process ends at once,
 * because nothing may continue in the wrong namespace. @throws LinuxError if the namespace cannot be opened or entered, and any error
 * of `run`
 */
export function withNetns<T>(netns: string | number, run: () => T): T {
  const target = typeof netns === "string" ? openNetns(netns) : netns;
  try {
    const own = openOwnNetns();
    try {
      enter(target);
      return comeBack(own, run);
    } finally {
      discard(own);
    }
  } finally {
    if (typeof netns === "string") discard(target);
  }
}

/** A socket belongs to the namespace of the thread that creates it. */
function openBySocket(): number {
  const socket = openSocket(AF.UNIX, SOCK.STREAM, 0);
  try {
    const { functions, errno } = libc();
    const fd = functions.ioctl(socket, SIOCGSKNS, null);
    if (fd !== -1) return fd;
    throw new LinuxError(`open netns "${OWN}", or by a socket`, { syscall: "ioctl", errno: errno() });
  } finally {
    discard(socket);
  }
}

function open(path: string, flags = O.RDONLY | O.NONBLOCK | O.CLOEXEC): number {
  return asLinuxError(`open netns "${path}"`, () => fs.openSync(path, flags));
}

function enter(fd: number): void {
  const { functions, errno } = libc();
  if (functions.setns(fd, CLONE_NEWNET) !== -1) return;
  const refused = errno();
  throw new LinuxError(`enter netns "${pathOf(fd)}"`, { syscall: "setns", errno: refused });
}

/** The path by which a descriptor was opened, or the kernel's name for it. proc_pid_fd(5) */
function pathOf(fd: number): string {
  return ifPossible(() => fs.readlinkSync(`/proc/self/fd/${fd}`)) ?? `descriptor ${fd}`;
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
