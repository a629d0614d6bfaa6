import fs from "#fs";
import type { FileIdentity } from "../platform/file-system.ts";
import { discard } from "./discard.ts";
import { openOwnNetns } from "./netns.ts";

/** Whether a path leads to the network namespace of this process; false if it leads to none. namespaces(7) */
export function isOwnNetns(path: string): boolean {
  try {
    const named = fs.statSync(path, { bigint: true });
    const own = identifyOwnNetns();
    return named.dev === own.dev && named.ino === own.ino;
  } catch {
    return false;
  }
}

function identifyOwnNetns(): FileIdentity {
  try {
    return fs.statSync("/proc/thread-self/ns/net", { bigint: true });
  } catch {
    // There is no /proc.
    const fd = openOwnNetns();
    try {
      return fs.fstatSync(fd, { bigint: true });
    } finally {
      discard(fd);
    }
  }
}
