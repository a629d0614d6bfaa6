import fs from "#fs";
import { errnoOf, LinuxError } from "../platform/errno.ts";

/** Parameters of the kernel, by their paths below /proc/sys. Those below "net" are those of one network namespace. */
export interface Sysctls {
  /** The value, like `sysctl -n net.ipv4.ip_forward`, without the end of line. @throws LinuxError ENOENT for an unknown parameter */
  readonly read: (path: string) => string;
  /** The value; undefined for a parameter that does not exist or cannot be read: some can only be written. */
  readonly find: (path: string) => string | undefined;
  /** Sets a parameter, like `sysctl -w`, unless it has that value. @throws LinuxError */
  readonly write: (path: string, value: string) => void;
  /** Sets a parameter without reading it first: for a new link's, which most often has another value. @throws LinuxError */
  readonly writeUnread: (path: string, value: string) => void;
  /** The names in a folder of parameters, such as the links in "net/ipv6/conf". @throws LinuxError */
  readonly list: (path: string) => readonly string[];
}

/** <fcntl.h> */
const O_WRONLY = 0o1;

/** The parameters of the namespace that the calling thread is in. `path` is written with slashes. */
export const sysctls: Sysctls = {
  read: (path) => readSysctl(path),
  find: (path) => findSysctl(path),
  write: (path, value) => writeSysctl(path, value),
  writeUnread: (path, value) => writeSysctlUnread(path, value),
  list: (path) => asLinuxError(`list sysctls ${path}`, () => fs.readdirSync(`/proc/sys/${path}`)),
};

function readSysctl(path: string): string {
  return asLinuxError(`read sysctl ${path}`, () => fs.readFileSync(`/proc/sys/${path}`, "utf8").trimEnd());
}

function findSysctl(path: string): string | undefined {
  try {
    return readSysctl(path);
  } catch (error) {
    if (error instanceof LinuxError) return undefined;
    throw error;
  }
}

function writeSysctl(path: string, value: string): void {
  if (findSysctl(path) !== value) writeSysctlUnread(path, value);
}

function writeSysctlUnread(path: string, value: string): void {
  asLinuxError(`write "${value}" to sysctl ${path}`, () => {
    // Not by writeFileSync: it asks for O_CREAT, of which /proc says EACCES where there is no such parameter.
    const fd = fs.openSync(`/proc/sys/${path}`, O_WRONLY);
    try {
      // With the line end an empty value is one, too.
      fs.writeSync(fd, `${value}\n`);
    } finally {
      fs.closeSync(fd);
    }
  });
}

/** Runs this; an error number that it throws is a LinuxError of the action. */
function asLinuxError<T>(action: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    throw new LinuxError(action, { syscall: "open", errno, cause });
  }
}
