import { reasonOf } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { isPassing } from "../../src/platform/errno.ts";
import type { Host } from "../../src/steps/host.ts";
import { readSocket } from "./config.ts";
import { giveBack } from "./give-back.ts";
import { leaseFolder, leasePath, readLeaseFile, type StoredLease } from "./lease-file.ts";
import { findLeaseLink } from "./lease-link.ts";
import { removeLease } from "./lease-store.ts";
import { releaseElsewhere } from "./reference-daemon.ts";

/**
 * Gives the attachment's lease back and forgets it. Works without the namespace: then only the file is deleted, and the server frees the
 * address when its time is over. A lease of the Go plugins' daemon is given back by that.
 */
export function del(request: Request, host: Host): void {
  const socket = readSocket(request);
  const folder = leaseFolder(socket);
  const path = leasePath(folder, request);
  const stored = find(path, request.log);
  if (stored === undefined) releaseElsewhere(request, socket);
  else endLease(stored, host, request);
  removeLease(folder, path);
}

/** Gives a lease back, if its interface is there and up. */
export function endLease(stored: StoredLease, host: Host, { netns, log }: Pick<Request, "netns" | "log">): void {
  const place = findLeaseLink(host, stored.record, netns);
  if (place !== undefined) giveBack(stored.record, { ...place, log });
}

/** Reads the file. One that is broken is logged, and then deleted. @throws errors that may pass, such as EIO */
function find(path: string, log: (line: string) => void): StoredLease | undefined {
  try {
    return readLeaseFile(path);
  } catch (error) {
    if (isPassing(error)) throw error;
    log(`Cannot read the lease in ${path}: ${reasonOf(error)}`);
    return undefined;
  }
}
