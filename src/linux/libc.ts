import { openLibrary } from "#ffi";
import type { Library } from "./ffi.ts";

/** The functions of glibc that we call, from the headers named. */
const FUNCTIONS = {
  // <sys/socket.h>
  socket: ["i32", "i32", "i32"],
  bind: ["i32", "pointer", "u32"],
  connect: ["i32", "pointer", "u32"],
  setsockopt: ["i32", "i32", "i32", "pointer", "u32"],
  getsockopt: ["i32", "i32", "i32", "pointer", "pointer"],
  sendto: ["i32", "pointer", "size", "i32", "pointer", "u32"],
  recvfrom: ["i32", "pointer", "size", "i32", "pointer", "pointer"],
  // <poll.h>
  poll: ["pointer", "size", "i32"],
  // <sched.h>, <sys/vfs.h>
  setns: ["i32", "i32"],
  fstatfs: ["i32", "pointer"],
  // <sys/random.h>
  getrandom: ["pointer", "size", "u32"],
  // <unistd.h>, <sys/mman.h>, <sys/wait.h>, <signal.h>, <stdlib.h>; syscall(2) only as pidfd_open, which glibc has since 2.36
  pipe2: ["pointer", "i32"],
  memfd_create: ["pointer", "u32"],
  syscall: ["size", "size", "size"],
  waitpid: ["i32", "pointer", "i32"],
  kill: ["i32", "i32"],
  sigaction: ["i32", "pointer", "pointer"],
  abort: [],
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

/** The C library, opened at the first call: a plugin that only prints its versions never pays for it. */
export const libc = once((): Library<typeof FUNCTIONS> => openLibrary("libc.so.6", FUNCTIONS));

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
