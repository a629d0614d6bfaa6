import { reasonOf } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { isPassing } from "../../src/platform/errno.ts";
import { findContainer, findInterface } from "../../src/steps/container.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { runAll } from "../../src/steps/undo.ts";
import { type Backup, backupFile, readBackup, removeBackup } from "./backup.ts";
import { readDataDir } from "./config.ts";
import { applySettings, separate } from "./link-settings.ts";
import { isOthers } from "./origin.ts";

/**
 * Gives the container's interface back what ADD found on it, whatever the configuration says by now, and whatever its name is; where the
 * namespace or the interface is gone, or nothing was changed, there is nothing to do, nor where the path leads to another container by
 * now. Parameters of the kernel stay, as with the reference: they end with the namespace.
 * A file that cannot be removed is told: it keeps nobody from deleting what else the container has.
 */
export function del(request: Request, host: Host): void {
  const file = backupFile(readDataDir(request), request);
  const backup = find(file, request.log);
  if (backup === undefined) return;
  restore(request, host, backup);
  removeIfPossible(file, request.log);
}

function removeIfPossible(file: string, log: (line: string) => void): void {
  try {
    removeBackup(file);
  } catch (error) {
    log(`Cannot remove ${file}: ${reasonOf(error)}`);
  }
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

function restore(request: Request, host: Host, backup: Backup): void {
  const container = findContainer(host, request.netns);
  const link = container && findTuned(host, container, { request, backup });
  if (container === undefined || link === undefined) return;
  runAll(separate(backup.settings).map((each) => () => applySettings(container.netlink, link, each)));
}

/** The interface that ADD found. The reference does not say in which namespace it was. */
function findTuned(
  host: Host,
  container: Container,
  { request, backup: { netns, ifindex } }: { request: Request; backup: Backup },
): Link | undefined {
  if (netns !== undefined && ifindex !== undefined)
    return netns === container.identify() ? findLink(container.netlink, ifindex) : undefined;
  const link = findInterface(container, request.ifname);
  return link === undefined || isOthers(host, link, request) ? undefined : link;
}
