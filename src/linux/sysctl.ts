import fs from "#fs";
import { asLinuxError, LinuxError } from "../platform/errno.ts";
import { ignoring } from "../platform/outcome.ts";
import { discard } from "./discard.ts";

/** Kernel parameters by their paths under /proc/sys. Those under "net" belong to one network namespace. */
export interface Sysctls {
  /** The value without the line end, like `sysctl -n net.ipv4.ip_forward`. @throws LinuxError ENOENT for an unknown parameter */
  readonly read: (path: string) => string;
  /** The value; undefined if the parameter does not exist or cannot be read, because some can only be written. */
  readonly find: (path: string) => string | undefined;
  /** Sets a parameter, like `sysctl -w`, unless it already has the value. @throws LinuxError */
  readonly write: (path: string, value: string) => void;
  /** Sets a parameter without reading it first. For a new link, whose value is usually another. @throws LinuxError */
  readonly writeUnread: (path: string, value: string) => void;
  /** The names in a folder of parameters, such as the links in "net/ipv6/conf". @throws LinuxError */
  readonly list: (path: string) => readonly string[];
}

/** <fcntl.h> */
const O_WRONLY = 0o1;

/** The parameters of the calling thread's namespace. `path` uses slashes. */
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
  return ignoring([LinuxError], () => readSysctl(path));
}

function writeSysctl(path: string, value: string): void {
  if (findSysctl(path) !== value) writeSysctlUnread(path, value);
}

function writeSysctlUnread(path: string, value: string): void {
  asLinuxError(`write "${value}" to sysctl ${path}`, () => {
    // Not writeFileSync: it sets O_CREAT, and /proc then returns EACCES if the parameter does not exist.
    const fd = fs.openSync(`/proc/sys/${path}`, O_WRONLY);
    try {
      // The line end makes an empty value valid.
      fs.writeSync(fd, `${value}\n`);
    } finally {
      discard(fd);
    }
  });
}

/** Runs `run` and turns an error with an errno into a LinuxError of the action. */
