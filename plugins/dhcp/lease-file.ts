import fs from "#fs";
import type { Family } from "../../src/ip/address.ts";
import { readText } from "../../src/linux/bounded-file.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import { isPassing } from "../../src/platform/errno.ts";
import { fitFileName, isGone } from "../../src/steps/record-file.ts";
import { type LeaseRecord, parseLease } from "./lease-record.ts";

const SUFFIX = ".json";

/** The folder of the leases that a daemon at that socket renews: the socket's path without ".sock". */
export function leaseFolder(socket: string): string {
  return socket.endsWith(".sock") ? socket.slice(0, -".sock".length) : `${socket}.leases`;
}

/** The file of an attachment's lease of a family. A colon is in no part of the name, so each attachment has its own. */
export function leasePath(folder: string, { network, containerId, ifname }: Attachment, family: Family): string {
  const end = family === 6 ? `:ipv6${SUFFIX}` : SUFFIX;
  return `${folder}/${fitFileName(`${network}:${containerId}:${ifname}${end}`)}`;
}

/** A lease file as it was read. */
export interface StoredLease {
  readonly path: string;
  readonly text: string;
  readonly record: LeaseRecord;
}

/** Reads a lease file; undefined if there is none. @throws SyntaxError, CniError if it is broken, and the errors of node:fs */
export function readLeaseFile(path: string): StoredLease | undefined {
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
  return { path, text, record: parseLease(text, path) };
}

/** All leases of a folder. A file that cannot be read is logged and left out. @throws errors that may pass, such as EIO */
export function listLeases(folder: string, log: (line: string) => void): readonly StoredLease[] {
  return listNames(folder).flatMap((name) => {
    try {
      return readLeaseFile(`${folder}/${name}`) ?? [];
    } catch (error) {
      if (isPassing(error)) throw error;
      log(`Cannot read the lease in ${folder}/${name}: ${error instanceof Error ? error.message : error}`);
      return [];
    }
  });
}

function listNames(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder).filter((name) => name.endsWith(SUFFIX));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}
