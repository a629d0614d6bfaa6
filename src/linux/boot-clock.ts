import { LinuxError } from "../platform/errno.ts";
import { libcClock } from "../platform/libc.ts";

/** The clock that goes on while the machine sleeps, and that nobody sets. <time.h> */
const CLOCK_BOOTTIME = 7;

/** sizeof(struct timespec) <time.h> */
const TIMESPEC_SIZE = 16;

/** Milliseconds since the machine started: one time for all processes. clock_gettime(2) @throws LinuxError */
export function readBootClock(): number {
  const { functions, errno } = libcClock();
  const time = new Uint8Array(TIMESPEC_SIZE);
  if (functions.clock_gettime(CLOCK_BOOTTIME, time) === -1)
    throw new LinuxError("read the clock", { syscall: "clock_gettime", errno: errno() });
  const view = new DataView(time.buffer);
  return Number(view.getBigInt64(0, true)) * 1000 + Math.floor(Number(view.getBigInt64(8, true)) / 1e6);
}
