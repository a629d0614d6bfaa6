import fs from "#fs";
import { deviceOfNamespaces } from "./netns-identity.ts";

/**
 * Which of these namespaces (inodes) no longer exist: no process or thread is in them, has them open, or sees them mounted in its mount
 * namespace. A missing path proves nothing, because a container may outlive it. An inode reused by a new namespace counts as existing. If
 * something cannot be examined, all namespaces count as existing.
 */
export function findGoneNamespaces(inodes: readonly string[]): ReadonlySet<string> {
  const left = new Set(inodes);
  // The last look finds a namespace that passed meanwhile from a process not yet examined to one already examined.
  for (const look of [lookAtProcesses, lookAtDescriptors, lookAtProcesses]) {
    if (left.size === 0) break;
    try {
      look((inode) => left.delete(inode));
    } catch {
      return new Set();
    }
  }
  return left;
}

type See = (inode: string) => void;

/** The namespaces that processes and threads are in, and those that any of them sees mounted. */
function lookAtProcesses(see: See): void {
  const mountNamespaces = new Set<string>();
  for (const process of listProcesses()) {
    for (const thread of list(`${process}/task`)) seeName(readLink(`${process}/task/${thread}/ns/net`), see);
    const mountNamespace = readLink(`${process}/ns/mnt`);
    if (mountNamespace === undefined || mountNamespaces.has(mountNamespace)) continue;
    const mounts = ifAlive(() => fs.readFileSync(`${process}/mountinfo`, "utf8"));
    if (mounts === undefined) continue;
    mountNamespaces.add(mountNamespace);
    for (const [, inode = ""] of mounts.matchAll(/ net:\[(\d+)\] /g)) see(inode);
  }
}

/** Reads open descriptors. A descriptor reads as the namespace, or as the path if it is mounted there, or "/" after an unmount. */
function lookAtDescriptors(see: See): void {
  const device = deviceOfNamespaces();
  for (const process of listProcesses()) {
    for (const fd of list(`${process}/fd`)) {
      const name = readLink(`${process}/fd/${fd}`);
      seeName(name, see);
      const file = name?.endsWith("/") ? ifAlive(() => fs.statSync(`${process}/fd/${fd}`)) : undefined;
      if (file?.dev === device) see(String(file.ino));
    }
  }
}

/** All processes, except an init that even root may not examine: it is not a container's. */
function listProcesses(): readonly string[] {
  const names = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  if (names.length === 0) throw new Error("Cannot see any process");
  return names.filter((name) => name !== "1" || isOpen("/proc/1")).map((name) => `/proc/${name}`);
}

function isOpen(process: string): boolean {
  try {
    fs.readlinkSync(`${process}/ns/net`);
    return true;
  } catch {
    return false;
  }
}

function list(folder: string): readonly string[] {
  return ifAlive(() => fs.readdirSync(folder)) ?? [];
}

function readLink(path: string): string | undefined {
  return ifAlive(() => fs.readlinkSync(path));
}

/** Adds a namespace by its name "net:[4026531840]", which contains its inode. */
function seeName(name: string | undefined, see: See): void {
  const inode = /^net:\[(\d+)\]$/.exec(name ?? "")?.[1];
  if (inode !== undefined) see(inode);
}

/** Undefined if the process has ended meanwhile. */
function ifAlive<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error && ["ENOENT", "ESRCH", "EINVAL"].includes(String(error.code))) return;
    throw error;
  }
}
