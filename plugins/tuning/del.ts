import type { Request } from "../../src/cni/request.ts";
import { isPassing } from "../../src/linux/errno.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import { findContainer } from "../../src/steps/container.ts";
import { runAll } from "../../src/steps/undo.ts";
import { type Backup, backupFile, readBackup, removeBackup } from "./backup.ts";
import { readDataDir } from "./config.ts";
import { applySettings, separate } from "./link-settings.ts";

/**
 * Gives the container's interface back what ADD found on it, whatever the configuration says by now; where the namespace or the
 * interface is gone, or nothing was changed, there is nothing to do. Parameters of the kernel stay, as with the reference: they end with the namespace.
 * A file that cannot be removed is told: it keeps nobody from deleting what else the container has.
 */
export function del(request: Request): void {
  const file = backupFile(readDataDir(request), request);
  const backup = find(file, request.log);
  if (backup === undefined) return;
  restore(request, backup);
  removeIfPossible(file, request.log);
}

function removeIfPossible(file: string, log: (line: string) => void): void {
  try {
    removeBackup(file);
  } catch (error) {
    log(`Cannot remove ${file}: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Not so a file that a killed process left half written: nothing had been changed by then. @throws what passes, EIO for one */
function find(file: string, log: (line: string) => void): Backup | undefined {
  try {
    return readBackup(file);
  } catch (error) {
    if (isPassing(error)) throw error;
    log(`Cannot restore from ${file}: ${reasonOf(error)}`);
    removeIfPossible(file, log);
    return undefined;
  }
}

function restore({ netns, ifname }: Request, { settings }: Backup): void {
  const container = findContainer(netns);
  const link = container && findLink(container.netlink, ifname);
  if (container === undefined || link === undefined) return;
  runAll(separate(settings).map((each) => () => applySettings(container.netlink, link, each)));
}
