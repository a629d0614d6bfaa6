import { reasonOf } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { isLasting, isPassing } from "../../src/platform/errno.ts";
import { findContainer, findInterface } from "../../src/steps/container.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { logging } from "../../src/steps/logging.ts";
import { isOthersInterface } from "../../src/steps/others-interface.ts";
import { removeFile } from "../../src/steps/record-file.ts";
import { runAll } from "../../src/steps/undo.ts";
import { type Backup, backupFile, readBackup } from "./backup.ts";
import { readDataDir } from "./config.ts";
import { applySettings, separate } from "./link-settings.ts";

/**
 * Restores the container's interface to what ADD found, whatever the configuration and the interface's name are by now. Nothing to do if
 * the namespace or the interface is gone, nothing was changed, or the path leads to another container by now. Sysctls are not restored,
 * as in the reference: they end with the namespace. A setting that the interface no longer takes, and a file that cannot be removed, are
 * only logged, so that the rest of the container can be deleted. @throws errors that may pass, such as EIO: the next DEL removes the file
 */
export function del(request: Request, host: Host): void {
  const file = backupFile(readDataDir(request), request);
  const backup = find(file, request.log);
  if (backup === undefined) return;
  restore(request, host, backup);
  removeIfPossible(file, request.log);
}

function removeIfPossible(file: string, log: (line: string) => void): void {
  logging(isLasting, { log, what: `Cannot remove ${file}` }, () => removeFile(file));
}

/**
 * Reads the backup. A file that a killed process left half written is logged and removed: at that time nothing had been changed.
 * @throws errors that may pass, such as EIO
 */
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
  const what = `Cannot restore "${link.name}" of container ${request.containerId}`;
  const expected = { log: request.log, what };
  runAll(
    separate(backup.settings).map(
      (each) => () => logging(isLasting, expected, () => applySettings(container.netlink, link, each)),
    ),
  );
}

/** The interface that ADD found. The reference's file does not name the namespace. */
function findTuned(
  host: Host,
  container: Container,
  { request, backup: { netns, ifindex, settings } }: { request: Request; backup: Backup },
): Link | undefined {
  if (netns !== undefined && ifindex !== undefined)
    return netns === container.identify() ? findLink(container.netlink, ifindex) : undefined;
  const link = findInterface(container, request.ifname);
  // The result may be one from before ADD changed the MAC.
  return link === undefined || isOthersInterface(host, link, request, settings.mac) ? undefined : link;
}
