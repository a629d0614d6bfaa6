import fs from "#fs";
import { deviceOfNamespaces } from "./netns-identity.ts";

/**
 * Those of the namespaces (inodes) that are nowhere any more: no process or thread is in them, none has them open, and in
 * no mount namespace are they mounted. That a path is gone proves nothing, for a container may outlive it; an inode that
 * a new namespace has got counts as living. What cannot be looked at is not proof either: then none is gone.
 */
export function findGoneNamespaces(inodes: readonly string[]): ReadonlySet<string> {
  const left = new Set(inodes);
  // The last look is for one that was handed on, from a process not yet looked at to one already passed, meanwhile.
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

/** The namespaces that processes and threads are in, and those mounted where any of them can see it. */
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

/** A descriptor reads as the namespace, or as the path where that is mounted; "/" once it is mounted there no longer. */
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

/** All processes but an init that even root may not look at: that is no container's. */
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

/** A namespace's name is "net:[4026531840]", with its inode. */
function seeName(name: string | undefined, see: See): void {
  const inode = /^net:\[(\d+)\]$/.exec(name ?? "")?.[1];
  if (inode !== undefined) see(inode);
}

/** Undefined where the process has ended meanwhile. */
function ifAlive<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error && ["ENOENT", "ESRCH", "EINVAL"].includes(String(error.code))) return;
    throw error;
  }
}
