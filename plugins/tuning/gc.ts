import path from "#path";
import { type ContainerInterface, type Request, validAttachments } from "../../src/cni/request.ts";
import { isLasting } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import { removeFile } from "../../src/steps/record-file.ts";
import { runAll } from "../../src/steps/undo.ts";
import { backupFile, listBackups, readBackup } from "./backup.ts";
import { readDataDir } from "./config.ts";

/**
 * Deletes the backup files of this network's stale attachments. The reference's files do not name their network, so they stay. Without a
 * list of valid attachments nothing is stale.
 */
export function gc(request: Request): void {
  const valid = validAttachments(request);
  if (valid === undefined) return;
  const dataDir = readDataDir(request);
  const kept = new Set(valid.map((attachment: ContainerInterface) => backupFile(dataDir, attachment)));
  const others = listBackups(dataDir)
    .map((name) => path.join(dataDir, name))
    .filter((file) => !kept.has(file));
  runAll(others.map((file) => () => (networkOf(file) === request.network ? removeFile(file) : undefined)));
}

/** The network that a file names; undefined if it names none or is not ours. @throws errors that may pass, such as EIO */
function networkOf(file: string): string | undefined {
  return ignoring(isLasting, () => readBackup(file))?.network;
}
