import path from "#path";
import { type ContainerInterface, type Request, validAttachments } from "../../src/cni/request.ts";
import { isPassing } from "../../src/platform/errno.ts";
import { runAll } from "../../src/steps/undo.ts";
import { backupFile, listBackups, readBackup, removeBackup } from "./backup.ts";
import { readDataDir } from "./config.ts";

/**
 * Removes what ADD kept for attachments of this network that are no more. The reference's files do not say which network they
 * are of: those stay. Without a list nothing is known to be stale.
 */
export function gc(request: Request): void {
  const valid = validAttachments(request);
  if (valid === undefined) return;
  const dataDir = readDataDir(request);
  const kept = new Set(valid.map((attachment: ContainerInterface) => backupFile(dataDir, attachment)));
  const others = listBackups(dataDir)
    .map((name) => path.join(dataDir, name))
    .filter((file) => !kept.has(file));
  runAll(others.map((file) => () => (networkOf(file) === request.network ? removeBackup(file) : undefined)));
}

/** Undefined for a file that does not say, or is no file of ours. @throws what passes, EIO for one */
function networkOf(file: string): string | undefined {
  try {
    return readBackup(file)?.network;
  } catch (error) {
    if (isPassing(error)) throw error;
    return undefined;
  }
}
