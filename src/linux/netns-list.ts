import fs from "#fs";
import { ifPossible, ignoring } from "../platform/outcome.ts";
import { discard } from "./discard.ts";
import { openOwnNetns } from "./netns.ts";

/** The network namespaces that were found, by inode, each with a path that opens it. */
export interface Namespaces {
  readonly paths: ReadonlyMap<string, string>;
  /** Those that a process or thread is in, by inode, each with a path that opens it. */
  readonly inhabited: ReadonlyMap<string, string>;
  /** Whether every process could be examined, so that there is no other namespace. */
  readonly isComplete: boolean;
}

/** Paths that open the network namespaces of the machine, one for each but the calling thread's own. @throws LinuxError */
export function listOtherNamespaces(): readonly string[] {
  const own = inodeOfOwn();
  return Array.from(listNamespaces().paths).flatMap(([inode, path]) => (inode === own ? [] : [path]));
}

/**
 * Paths that open the network namespaces that are mounted or that a process is in, one for each but the calling thread's own. Those that
 * the caller sees mounted come first: most containers have theirs there. One that nothing but an open file or a thread keeps is left out,
 * because looking for those takes as many calls as the machine has open files. @throws LinuxError
 */
export function* eachContainerNamespace(): Generator<string> {
  const seen = new Set([inodeOfOwn()]);
  for (const [inode, path] of candidates()) {
    if (seen.has(inode)) continue;
    seen.add(inode);
    yield path;
  }
}

/** Inodes and paths of namespaces, some of them more than once. */
function* candidates(): Generator<readonly [string, string]> {
  const mountNamespaces = new Set([readLink("/proc/self/ns/mnt")]);
  yield* ifPossible(() => listMounted("/proc/self")) ?? [];
  for (const pid of listProcesses()) {
    const process = `/proc/${pid}`;
    const path = `${process}/ns/net`;
    const inode = ifPossible(() => inodeOf(readLink(path)));
    if (inode !== undefined) yield [inode, path];
    const mountNamespace = ifPossible(() => readLink(`${process}/ns/mnt`));
    if (mountNamespace === undefined || mountNamespaces.has(mountNamespace)) continue;
    const mounted = ifPossible(() => listMounted(process));
    if (mounted === undefined) continue;
    mountNamespaces.add(mountNamespace);
    yield* mounted;
  }
}

/**
 * The network namespaces that a process or thread is in, has open, or sees mounted. Without /proc there are none, and the list is not
 * complete. namespaces(7)
 */
export function listNamespaces(): Namespaces {
  const paths = new Map<string, string>();
  const inhabited = new Map<string, string>();
  const mountNamespaces = new Set<string>();
  const processes = listProcesses();
  let isComplete = processes.length > 0;
  for (const pid of processes) {
    try {
      examine(`/proc/${pid}`, { paths, inhabited, mountNamespaces });
    } catch (error) {
      // An init that even root may not examine is not a container's.
      isComplete &&= pid === "1" || hasEnded(error);
    }
  }
  return { paths, inhabited, isComplete };
}

function inodeOfOwn(): string {
  const own = openOwnNetns();
  try {
    return String(fs.fstatSync(own, { bigint: true }).ino);
  } finally {
    discard(own);
  }
}

function listProcesses(): readonly string[] {
  const names = ifPossible(() => fs.readdirSync("/proc")) ?? [];
  return names.filter((name) => /^\d+$/.test(name));
}

type See = (inode: string, path: string) => void;

function keepFirst(paths: Map<string, string>, inode: string, path: string): void {
  if (!paths.has(inode)) paths.set(inode, path);
}

/** What was found so far, in all processes. */
interface Found {
  readonly paths: Map<string, string>;
  readonly inhabited: Map<string, string>;
  readonly mountNamespaces: Set<string>;
}

function examine(process: string, { paths, inhabited, mountNamespaces }: Found): void {
  const see: See = (inode, path) => keepFirst(paths, inode, path);
  const seeThread: See = (inode, path) => {
    see(inode, path);
    keepFirst(inhabited, inode, path);
  };
  for (const thread of fs.readdirSync(`${process}/task`)) seeLink(`${process}/task/${thread}/ns/net`, seeThread);
  for (const fd of fs.readdirSync(`${process}/fd`)) seeDescriptor(`${process}/fd/${fd}`, see);
  const mountNamespace = readLink(`${process}/ns/mnt`);
  if (mountNamespace === undefined || mountNamespaces.has(mountNamespace)) return;
  for (const [inode, path] of listMounted(process)) see(inode, path);
  mountNamespaces.add(mountNamespace);
}

/** Inodes and paths of the network namespaces that a process sees mounted. */
function listMounted(process: string): readonly (readonly [string, string])[] {
  const mounts = fs.readFileSync(`${process}/mountinfo`, "utf8").matchAll(MOUNT);
  return Array.from(mounts, ([, inode = "", point = ""]) => [inode, `${process}/root${unescapePath(point)}`]);
}

/** A line of mountinfo with a mounted network namespace. proc_pid_mountinfo(5) */
const MOUNT = /^\d+ \d+ \S+ net:\[(\d+)\] (\S+) /gm;

/** Spaces and other characters are written as octal numbers. */
function unescapePath(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function seeLink(path: string, see: See): void {
  seeName(readLink(path), path, see);
}

/** A descriptor reads as the namespace, or as the path if it was opened where it is mounted, or as "/" after an unmount. */
function seeDescriptor(path: string, see: See): void {
  const name = readLink(path);
  seeName(name, path, see);
  const file = name?.endsWith("/") ? ignoring(hasEnded, () => fs.statSync(path)) : undefined;
  if (file !== undefined && file.dev === fs.statSync("/proc/self/ns/net").dev) see(String(file.ino), path);
}

function seeName(name: string | undefined, path: string, see: See): void {
  const inode = inodeOf(name);
  if (inode !== undefined) see(inode, path);
}

function inodeOf(name: string | undefined): string | undefined {
  return /^net:\[(\d+)\]$/.exec(name ?? "")?.[1];
}

/** Undefined if the thread has ended or the file has been closed since. */
function readLink(path: string): string | undefined {
  return ignoring(hasEnded, () => fs.readlinkSync(path));
}

function hasEnded(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["ENOENT", "ESRCH", "EINVAL"].includes(String(error.code));
}
