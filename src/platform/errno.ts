/** Error numbers of x86-64 and arm64 with the texts of strerror(3). <asm-generic/errno.h>, <asm-generic/errno-base.h> */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  EXFULL: 54,
  ENODATA: 61,
  EBADMSG: 74,
  EOVERFLOW: 75,
  ERESTART: 85,
  ENOTSOCK: 88,
  EMSGSIZE: 90,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  ESTALE: 116,
  EUCLEAN: 117,
  EDQUOT: 122,
} as const;

const TEXTS: Readonly<Record<keyof typeof ERRNO, string>> = {
  EPERM: "Operation not permitted",
  ENOENT: "No such file or directory",
  ESRCH: "No such process",
  EINTR: "Interrupted system call",
  EIO: "Input/output error",
  ENXIO: "No such device or address",
  E2BIG: "Argument list too long",
  ENOEXEC: "Exec format error",
  EBADF: "Bad file descriptor",
  ECHILD: "No child processes",
  EAGAIN: "Resource temporarily unavailable",
  ENOMEM: "Cannot allocate memory",
  EACCES: "Permission denied",
  EFAULT: "Bad address",
  EBUSY: "Device or resource busy",
  EEXIST: "File exists",
  EXDEV: "Invalid cross-device link",
  ENODEV: "No such device",
  ENOTDIR: "Not a directory",
  EISDIR: "Is a directory",
  EINVAL: "Invalid argument",
  ENFILE: "Too many open files in system",
  EMFILE: "Too many open files",
  ETXTBSY: "Text file busy",
  EFBIG: "File too large",
  ENOSPC: "No space left on device",
  EROFS: "Read-only file system",
  EMLINK: "Too many links",
  EPIPE: "Broken pipe",
  ERANGE: "Numerical result out of range",
  ENAMETOOLONG: "File name too long",
  ENOSYS: "Function not implemented",
  ENOTEMPTY: "Directory not empty",
  ELOOP: "Too many levels of symbolic links",
  EXFULL: "Exchange full",
  ENODATA: "No data available",
  EBADMSG: "Bad message",
  EOVERFLOW: "Value too large for defined data type",
  ERESTART: "Interrupted system call should be restarted",
  ENOTSOCK: "Socket operation on non-socket",
  EMSGSIZE: "Message too long",
  ENOPROTOOPT: "Protocol not available",
  EPROTONOSUPPORT: "Protocol not supported",
  EOPNOTSUPP: "Operation not supported",
  EAFNOSUPPORT: "Address family not supported by protocol",
  EADDRINUSE: "Address already in use",
  EADDRNOTAVAIL: "Cannot assign requested address",
  ENETDOWN: "Network is down",
  ENETUNREACH: "Network is unreachable",
  ECONNRESET: "Connection reset by peer",
  ENOBUFS: "No buffer space available",
  ENOTCONN: "Transport endpoint is not connected",
  ETIMEDOUT: "Connection timed out",
  ECONNREFUSED: "Connection refused",
  EHOSTUNREACH: "No route to host",
  EALREADY: "Operation already in progress",
  ESTALE: "Stale file handle",
  EUCLEAN: "Structure needs cleaning",
  EDQUOT: "Disk quota exceeded",
};

/** A table, because each error that a plugin expects looks its number up twice. */
const NAMES: ReadonlyMap<number, keyof typeof ERRNO> = new Map(
  (Object.keys(ERRNO) as (keyof typeof ERRNO)[]).map((name) => [ERRNO[name], name]),
);

/** The name of an error number, like "ENOENT"; "E<number>" if it is not in ERRNO. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `E${errno}`;
}

/** The text of strerror(3) for an error number; "Error <number>" if it is not in ERRNO. */
export function errnoText(errno: number): string {
  const name = NAMES.get(errno);
  return name === undefined ? `Error ${errno}` : TEXTS[name];
}

/** The error number of a node:fs error; undefined for any other error. */
export function errnoOf(error: unknown): number | undefined {
  if (!(error instanceof Error && "errno" in error && typeof error.errno === "number")) return undefined;
  return Math.abs(error.errno);
}

/** Temporary errors, which do not depend on the requested object and may not occur again. */
const PASSING: readonly number[] = [
  ERRNO.EINTR,
  ERRNO.EIO,
  ERRNO.EAGAIN,
  ERRNO.ENOMEM,
  ERRNO.ENFILE,
  ERRNO.EMFILE,
  ERRNO.ENOBUFS,
];

/** Whether an object could not be read because of a temporary error. That does not mean that it is missing. */
export function isPassing(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno !== undefined && PASSING.includes(errno);
}

/** Whether an error is not temporary: an object that could not be read because of it is as good as missing. */
export function isLasting(error: unknown): boolean {
  return !isPassing(error);
}

/** Linux refused an operation. `action` follows "Cannot" in the message; `code` is the name of `errno`. */
export class LinuxError extends Error {
  readonly errno: number;
  readonly code: string;
  readonly syscall: string;

  constructor(action: string, options: { syscall: string; errno: number; reason?: string; cause?: unknown }) {
    super(`Cannot ${action}: ${options.reason ?? errnoText(options.errno)}`, { cause: options.cause });
    this.name = "LinuxError";
    this.errno = options.errno;
    this.code = errnoName(options.errno);
    this.syscall = options.syscall;
  }
}

/** Runs `act`, which uses node:fs, and says of its errors what it was for: `action` follows "Cannot". @throws LinuxError, and other errors as they are */
export function asLinuxError<T>(action: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    throw new LinuxError(action, { syscall: "open", errno, cause });
  }
}
