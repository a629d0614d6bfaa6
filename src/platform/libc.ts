import { openLibrary } from "#ffi";
import type { Library } from "./ffi.ts";
import { once } from "./once.ts";

// The build links each exported table into the native image.

/** Functions that most calls need, from the headers named. */
export const FUNCTIONS = {
  // <sys/socket.h>
  socket: ["i32", "i32", "i32"],
  bind: ["i32", "pointer", "u32"],
  connect: ["i32", "pointer", "u32"],
  setsockopt: ["i32", "i32", "i32", "pointer", "u32"],
  getsockopt: ["i32", "i32", "i32", "pointer", "pointer"],
  sendto: ["i32", "pointer", "size", "i32", "pointer", "u32"],
  recvfrom: ["i32", "pointer", "size", "i32", "pointer", "pointer"],
  // <sys/ioctl.h>
  ioctl: ["i32", "size", "word"],
  // <poll.h>
  poll: ["pointer", "size", "i32"],
  // <sched.h>, <sys/vfs.h>, <stdlib.h>
  setns: ["i32", "i32"],
  fstatfs: ["i32", "pointer"],
  abort: [],
  // <sys/random.h>
  getrandom: ["pointer", "size", "u32"],
} as const;

/** Functions on files. */
export const FILE_FUNCTIONS = {
  // <fcntl.h>, <unistd.h>
  openat: ["i32", "pointer", "i32", "u32"],
  close: ["i32"],
  read: ["i32", "pointer", "size"],
  write: ["i32", "pointer", "size"],
  ftruncate: ["i32", "size"],
  // <sys/stat.h>, <sys/file.h>; statx is in glibc since 2.28
  statx: ["i32", "pointer", "i32", "u32", "pointer"],
  mkdir: ["pointer", "u32"],
  utimensat: ["i32", "pointer", "pointer", "i32"],
  flock: ["i32", "i32"],
  // <unistd.h>, <stdio.h>
  rmdir: ["pointer"],
  readlink: ["pointer", "pointer", "size"],
  symlink: ["pointer", "pointer"],
  link: ["pointer", "pointer"],
  unlink: ["pointer"],
  rename: ["pointer", "pointer"],
} as const;

/** Functions on files that few calls need. */
export const RARE_FILE_FUNCTIONS = {
  // <unistd.h>, <sys/stat.h>, <sys/vfs.h>, <fcntl.h>
  access: ["pointer", "i32"],
  chmod: ["pointer", "u32"],
  fsync: ["i32"],
  pwrite: ["i32", "pointer", "size", "size"],
  statfs: ["pointer", "pointer"],
  fcntl: ["i32", "i32", "pointer"],
} as const;

/** <time.h> */
export const CLOCK_FUNCTIONS = { clock_gettime: ["i32", "pointer"] } as const;

/** Functions of a process that serves others until a signal ends it. <sys/socket.h>, <signal.h>, <sys/signalfd.h> */
export const SERVER_FUNCTIONS = {
  listen: ["i32", "i32"],
  accept4: ["i32", "pointer", "pointer", "i32"],
  sigprocmask: ["i32", "pointer", "pointer"],
  signalfd: ["i32", "pointer", "i32"],
  getpid: [],
} as const;

/** <unistd.h> */
export const TERMINAL_FUNCTIONS = { isatty: ["i32"] } as const;

/** <aio.h>; in librt before glibc 2.34. */
export const AIO_FUNCTIONS = { aio_write: ["pointer"] } as const;

/** Functions that start other programs. */
export const PROCESS_FUNCTIONS = {
  // <unistd.h>, <sys/mman.h>, <sys/wait.h>, <signal.h>; syscall(2) only as pidfd_open, which glibc has since 2.36
  pipe2: ["pointer", "i32"],
  memfd_create: ["pointer", "u32"],
  syscall: ["size", "size", "size"],
  waitpid: ["i32", "pointer", "i32"],
  kill: ["i32", "i32"],
  sigaction: ["i32", "pointer", "pointer"],
  // <spawn.h>
  posix_spawn: ["pointer", "pointer", "pointer", "pointer", "pointer", "pointer"],
  posix_spawn_file_actions_init: ["pointer"],
  posix_spawn_file_actions_adddup2: ["pointer", "i32", "i32"],
  posix_spawn_file_actions_destroy: ["pointer"],
  posix_spawnattr_init: ["pointer"],
  posix_spawnattr_setflags: ["pointer", "i32"],
  posix_spawnattr_setsigmask: ["pointer", "pointer"],
  posix_spawnattr_setsigdefault: ["pointer", "pointer"],
  posix_spawnattr_destroy: ["pointer"],
} as const;

/** The executable's own C functions, if it has any: native/aside.c */
export const NATIVE_FUNCTIONS = {
  send_aside: ["i32", "pointer", "size", "i32"],
  hold_aside: ["i32", "i32"],
  has_ended_aside: ["i32"],
} as const;

/** The C library. Each part is opened at its first use, because a function costs 10 to 20 µs of a cold process. */
export const libc = once((): Library<typeof FUNCTIONS> => openLibrary("libc.so.6", FUNCTIONS));
export const libcFiles = once((): Library<typeof FILE_FUNCTIONS> => openLibrary("libc.so.6", FILE_FUNCTIONS));
export const libcRareFiles = once(
  (): Library<typeof RARE_FILE_FUNCTIONS> => openLibrary("libc.so.6", RARE_FILE_FUNCTIONS),
);
export const libcClock = once((): Library<typeof CLOCK_FUNCTIONS> => openLibrary("libc.so.6", CLOCK_FUNCTIONS));
export const libcServer = once((): Library<typeof SERVER_FUNCTIONS> => openLibrary("libc.so.6", SERVER_FUNCTIONS));
export const libcTerminal = once(
  (): Library<typeof TERMINAL_FUNCTIONS> => openLibrary("libc.so.6", TERMINAL_FUNCTIONS),
);
export const libcAio = once((): Library<typeof AIO_FUNCTIONS> => openLibrary("librt.so.1", AIO_FUNCTIONS));
export const libcProcesses = once((): Library<typeof PROCESS_FUNCTIONS> => openLibrary("libc.so.6", PROCESS_FUNCTIONS));

/** @throws Error if the executable has no C functions of its own */
export const native = once((): Library<typeof NATIVE_FUNCTIONS> => openLibrary("native", NATIVE_FUNCTIONS));
