import type { Request } from "../../src/cni/request.ts";
import { isLasting } from "../../src/platform/errno.ts";
import type { Host } from "../../src/steps/host.ts";
import { logging } from "../../src/steps/logging.ts";
import { runAll } from "../../src/steps/undo.ts";
import { readSocket } from "./config.ts";
import { giveBack } from "./give-back.ts";
import { leaseFolder, leasePath, readLeaseFile, type StoredLease } from "./lease-file.ts";
import { findLeaseLink } from "./lease-link.ts";
import { removeLease } from "./lease-store.ts";
import { releaseElsewhere } from "./reference-daemon.ts";

/**
 * Gives the attachment's leases back and deletes their files. Works without the namespace: then only the files are deleted, and the
 * server frees the address when its time is over. A lease of the Go plugins' daemon is given back by that.
 */
export function del(request: Request, host: Host): void {
  const socket = readSocket(request);
  const folder = leaseFolder(socket);
  const all = ([4, 6] as const).map((family) => {
    const path = leasePath(folder, request, family);
    return { path, stored: find(path, request.log) };
  });
  if (all.every(({ stored }) => stored === undefined)) releaseElsewhere(request, socket);
  const steps = all.map(({ path, stored }) => () => {
    if (stored !== undefined) endLease(stored, host, request);
    removeLease(folder, path);
  });
  runAll(steps);
}

/** Gives a lease back, if its interface is there and up. */
export function endLease(stored: StoredLease, host: Host, { netns, log }: Pick<Request, "netns" | "log">): void {
  const place = findLeaseLink(host, stored.record, netns);
  if (place !== undefined) giveBack(stored.record, place, log);
}

/** Reads the file. One that is broken is logged, and then deleted. @throws errors that may pass, such as EIO */
function find(path: string, log: (line: string) => void): StoredLease | undefined {
  return logging(isLasting, { log, what: `Cannot read the lease in ${path}` }, () => readLeaseFile(path));
}
