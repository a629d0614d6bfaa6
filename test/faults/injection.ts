import fs from "node:fs";

/** One system call that fails once in each process: the n-th of its name. */
export interface Fault {
  readonly syscall: string;
  readonly when: number;
  readonly error: string;
  /** Whether it is the answer that cannot be written: nobody can expect one then. */
  readonly isOutput?: boolean;
}

/** Where strace writes what it saw. */
const LOG = "/run/fuzz/strace";

const FILES = ["EIO", "ENOMEM"];
const SOCKETS = ["ENOBUFS", "ENOMEM"];

/**
 * What each call can end with, of the errors that a full disk, a broken one, a signal, and want of memory, buffers and descriptors
 * make. `close` is for files alone, and not for those that are locks: strace does not close what it has fail, and others would wait for ever.
 */
const ERRORS: Readonly<Record<string, readonly string[]>> = {
  ...every(["stat", "lstat", "statx", "newfstatat", "fstat", "readlink", "readlinkat", "access", "faccessat2"], FILES),
  ...every(
    ["unlink", "unlinkat", "rmdir", "getdents64", "statfs", "fstatfs", "utimensat", "chmod", "fchmod", "fchmodat"],
    FILES,
  ),
  ...every(
    ["mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"],
    ["ENOSPC", ...FILES],
  ),
  ...every(["open", "openat"], ["EIO", "EINTR", "EMFILE", "ENOMEM"]),
  ...every(["read", "pread64", "readv"], ["EIO", "EINTR"]),
  ...every(["write", "pwrite64", "writev"], ["ENOSPC", "EIO", "EINTR"]),
  ...every(["fsync", "fdatasync", "ftruncate", "fallocate"], ["ENOSPC", "EIO", "EINTR"]),
  ...every(["close"], ["EIO", "EINTR"]),
  ...every(["socket"], ["EMFILE", ...SOCKETS]),
  ...every(["bind", "connect", "setsockopt", "getsockopt", "getsockname"], SOCKETS),
  ...every(["sendto", "sendmsg", "recvfrom"], ["EINTR", ...SOCKETS]),
  // Of other programs alone: iptables takes an interrupted one for the end of the answer, and says that all is well.
  ...every(["recvmsg"], SOCKETS),
  ...every(["ioctl"], ["EIO", "EINTR", "ENOMEM"]),
  ...every(["mmap", "mremap", "brk", "setns", "unshare"], ["ENOMEM"]),
  ...every(["clone", "clone3", "fork", "vfork"], ["ENOMEM"]),
  ...every(["execve"], ["EIO", "EMFILE", "ENOMEM"]),
  ...every(["pipe", "pipe2", "dup", "dup2", "dup3", "eventfd2", "pidfd_open"], ["EMFILE"]),
  ...every(["fcntl"], ["EMFILE"]),
  ...every(["flock"], ["EINTR", "ENOMEM"]),
  ...every(["poll", "ppoll", "select", "pselect6", "epoll_wait"], ["EINTR", "ENOMEM"]),
  ...every(["wait4", "waitid", "nanosleep", "clock_nanosleep", "getrandom"], ["EINTR"]),
};

function every(syscalls: readonly string[], errors: readonly string[]): Record<string, readonly string[]> {
  return Object.fromEntries(syscalls.map((syscall) => [syscall, errors]));
}

/** Runs an executable and writes its calls down, for `readFaults`. */
export const RECORDING = ["strace", "-f", "-y", "-qq", "-e", "signal=none", "-o", LOG];

/** Runs an executable with one call failing. */
export function injecting({ syscall, when, error }: Fault): readonly string[] {
  const inject = `inject=${syscall}:error=${error}:when=${when}`;
  return [
    "strace",
    "-f",
    "--seccomp-bpf",
    "-qq",
    "-e",
    "signal=none",
    "-e",
    `trace=${syscall}`,
    "-e",
    inject,
    "-o",
    LOG,
  ];
}

/** How often the last injection happened: each process counts its own calls, so a delegate may fail at the same call as its caller. */
export function countInjected(log = fs.readFileSync(LOG, "utf8")): number {
  return log.match(/\(INJECTED\)$/gm)?.length ?? 0;
}

/** Every fault that fits what was recorded. */
export function readFaults(log = fs.readFileSync(LOG, "utf8")): readonly Fault[] {
  const faults = new Map<string, Fault>();
  const calls = readCalls(log);
  // Each process counts its own calls.
  const impossible = new Set(calls.filter((call) => !canFail(call)).map(({ syscall, when }) => `${syscall} ${when}`));
  for (const { syscall, when, rest } of calls) {
    if (impossible.has(`${syscall} ${when}`)) continue;
    const isOutput = syscall.startsWith("write") && rest.startsWith("1<");
    for (const error of errorsOf(syscall, rest))
      faults.set(`${syscall} ${when} ${error}`, { syscall, when, error, isOutput });
  }
  return [...faults.values()];
}

/** A call that was recorded, with its number among those of its name and process, and its arguments. */
interface Recorded {
  readonly syscall: string;
  readonly when: number;
  readonly rest: string;
}

function readCalls(log: string): readonly Recorded[] {
  const counts = new Map<string, number>();
  return log.split("\n").flatMap((line) => {
    const [, pid = "", syscall = "", rest = ""] = /^(\d+)\s+(\w+)\((.*)$/.exec(line) ?? [];
    if (syscall === "") return [];
    const when = (counts.get(`${pid} ${syscall}`) ?? 0) + 1;
    counts.set(`${pid} ${syscall}`, when);
    return [{ syscall, when, rest }];
  });
}

/** Not the call that starts the executable itself, nor what another program reads from us; of those that close only what closes a file. */
function canFail({ syscall, when, rest }: Recorded): boolean {
  if (syscall === "execve") return when > 1;
  // A program that takes a broken input for its end says that all is well.
  if (syscall === "read" && rest.startsWith("0</memfd:")) return false;
  return syscall !== "close" || /^\d+<\/(?!run\/netns|run\/cni\/(?:\w+\/lock|dhcp)>|\S*\/attachments>)/.test(rest);
}

function errorsOf(syscall: string, rest: string): readonly string[] {
  const errors = ERRORS[syscall] ?? [];
  return syscall.startsWith("open") && rest.includes("O_CREAT") ? ["ENOSPC", ...errors] : errors;
}
