import fs from "#fs";
import path from "#path";
import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { formatAddress } from "../../src/ip/address.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import { type Candidate, findCandidate } from "./candidate.ts";
import { type Config, parseHostLocal } from "./config.ts";
import { readLast } from "./lease-folder.ts";
import { lookForNames } from "./lease-names.ts";
import { countAddresses, formatCounts } from "./pool.ts";
import { formatRangeSet, type RangeSet } from "./range-set.ts";
import { findResting } from "./resting.ts";
import { storeFailure } from "./store-failure.ts";

/**
 * Succeeds if ADD could assign an address from each range set. Logs if that needs to reclaim a lease or use a resting address. Reads few
 * files while there are free addresses, and changes nothing.
 * @throws CniError unavailable
 */
export function status(request: Request): void {
  const config = parseHostLocal(request);
  const { folder, sets, releaseDelay } = config;
  checkDisk(folder);
  const isTaken = lookForNames(folder, fs.existsSync);
  const resting = findResting(folder, releaseDelay);
  const rests = new Set(resting);
  const isFree = ({ address }: Candidate) => {
    const name = formatAddress(address);
    return !rests.has(name) && !isTaken(name);
  };
  for (const [index, set] of sets.entries()) {
    const free = findCandidate(set, readLast(folder, index, request.log), isFree);
    if (free === undefined) reportExhausted(request, config, { set, index, resting });
  }
}

interface Exhausted {
  readonly set: RangeSet;
  readonly index: number;
  readonly resting: readonly string[];
}

function reportExhausted({ log }: Request, { folder }: Config, { set, index, resting }: Exhausted): void {
  const counts = countAddresses(folder, set, resting);
  const found = `no free address in range set ${index} (${formatRangeSet(set)}): ${formatCounts(counts)}`;
  if (counts.reclaimable + counts.resting === 0) {
    throw new CniError("unavailable", found, {
      details: "delete containers, add ranges to the set, or release orphans, which `cnictl leases` lists",
    });
  }
  log(found);
}

/** Checks that a lease could be written. The folder may be missing if it could be created. */
function checkDisk(folder: string): void {
  try {
    const there = nearest(folder);
    const found = fs.statSync(there, { throwIfNoEntry: false });
    // A link to nothing, which ADD finds in the folder's place.
    if (found === undefined) throw Object.assign(new Error("no target"), { code: "EEXIST" });
    if (!found.isDirectory()) throw Object.assign(new Error("no folder"), { code: "ENOTDIR" });
    fs.accessSync(there, fs.constants.W_OK | fs.constants.X_OK);
    const { bfree, files, ffree } = fs.statfsSync(there);
    // A file system without a table of inodes says 0 of 0.
    if (bfree === 0 || (files > 0 && ffree === 0)) throw Object.assign(new Error("full"), { code: "ENOSPC" });
  } catch (error) {
    const { message, details } = storeFailure(`write in the folder of leases "${folder}"`, error);
    throw new CniError("unavailable", message, { details, cause: error });
  }
}

/** The folder itself, or the nearest existing path above it: a folder, a file, or a dangling symbolic link. */
function nearest(folder: string): string {
  for (let at = folder; ; at = path.dirname(at)) {
    if (isThere(at)) return at;
  }
}

function isThere(file: string): boolean {
  // The path above shows the cause.
  return ignoring([ERRNO.ENOTDIR, ERRNO.ELOOP], () => fs.lstatSync(file, { throwIfNoEntry: false })) !== undefined;
}
