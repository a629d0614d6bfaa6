import { LinuxError } from "../platform/errno.ts";
import { libcProcesses } from "../platform/libc.ts";

/** Flags of posix_spawn(3). <spawn.h> */
const POSIX_SPAWN = { SETSIGDEF: 0x04, SETSIGMASK: 0x08 } as const;

/** <signal.h> */
const SIGCHLD = 17;

/**
 * Space for glibc's posix_spawn_file_actions_t (80 bytes), posix_spawnattr_t (336), sigset_t (128) and struct sigaction (152) on
 * 64-bit.
 */
const SIZES = { fileActions: 128, attributes: 512, signals: 128, action: 256 } as const;

/** SIG_IGN in struct sigaction, whose first field is the handler. */
const SIG_IGN = 1n;

/**
 * A child's environment, and the descriptors that become its 0, 1 and 2. It inherits none of our other descriptors except `inherited`.
 */
export interface SpawnOptions {
  /** The arguments after its own path. Default: none. */
  readonly args?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stdio: readonly number[];
  /** A descriptor that the child has as its 3, so that other processes see the file's locks. */
  readonly inherited?: number | undefined;
}

/**
 * Starts an executable and returns its process id. All its signals have their default action, and none is blocked. @throws LinuxError
 * ENOENT, EACCES, ENOEXEC, ETXTBSY while it is being written, …
 */
export function spawn(executable: string, options: SpawnOptions): number {
  restoreSigchld();
  const { errno, pid } = posixSpawn(executable, options);
  if (errno !== 0) throw new LinuxError(`start "${executable}"`, { syscall: "posix_spawn", errno });
  return pid;
}

function posixSpawn(
  executable: string,
  { environment, stdio, inherited, args = [] }: SpawnOptions,
): { errno: number; pid: number } {
  const { functions } = libcProcesses();
  const pid = new Int32Array(1);
  const actions = new Uint8Array(SIZES.fileActions);
  const attributes = new Uint8Array(SIZES.attributes);
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const { path, argv, envp } = encodeStrings([executable, ...args], variables);
  functions.posix_spawn_file_actions_init(actions);
  functions.posix_spawnattr_init(attributes);
  try {
    const fds = inherited === undefined ? stdio : [...stdio, inherited];
    // Each call needs memory. If one failed unnoticed, the child would read our own input.
    const refused = [
      ...fds.map((fd, index) => functions.posix_spawn_file_actions_adddup2(actions, fd, index)),
      functions.posix_spawnattr_setflags(attributes, POSIX_SPAWN.SETSIGDEF | POSIX_SPAWN.SETSIGMASK),
      functions.posix_spawnattr_setsigdefault(attributes, new Uint8Array(SIZES.signals).fill(0xff)),
      functions.posix_spawnattr_setsigmask(attributes, new Uint8Array(SIZES.signals)),
    ].find((errno) => errno !== 0);
    const errno = refused ?? functions.posix_spawn(new Uint8Array(pid.buffer), path, actions, attributes, argv, envp);
    return { errno, pid: pid[0] ?? 0 };
  } finally {
    functions.posix_spawn_file_actions_destroy(actions);
    functions.posix_spawnattr_destroy(attributes);
  }
}

/** A path, an argv that starts with it, and an envp. Pointers and strings are in one block, which lives as long as any of the three. */
function encodeStrings(argv: readonly string[], variables: readonly string[]) {
  const strings = [...argv, ...variables].map((text) => new TextEncoder().encode(`${text}\0`));
  const pointers = new BigUint64Array(strings.length + 2);
  const length = strings.reduce((sum, string) => sum + string.length, pointers.byteLength);
  const block = new Uint8Array(new ArrayBuffer(length));
  const base = libcProcesses().addressOf(block);
  let offset = pointers.byteLength;
  for (const [index, string] of strings.entries()) {
    block.set(string, offset);
    // A NULL ends argv, and envp follows.
    pointers[index < argv.length ? index : index + 1] = base + BigInt(offset);
    offset += string.length;
  }
  block.set(new Uint8Array(pointers.buffer));
  const envp = (argv.length + 1) * BigUint64Array.BYTES_PER_ELEMENT;
  return { path: block.subarray(pointers.byteLength), argv: block, envp: block.subarray(envp) };
}

/** The parent process may have ignored SIGCHLD, and we inherit that: then the kernel drops a child's exit status. */
function restoreSigchld(): void {
  const { functions } = libcProcesses();
  const action = new Uint8Array(SIZES.action);
  functions.sigaction(SIGCHLD, null, action);
  const isIgnored = new DataView(action.buffer).getBigUint64(0, true) === SIG_IGN;
  if (isIgnored) functions.sigaction(SIGCHLD, new Uint8Array(SIZES.action), null);
}
