import fs from "#fs";
import type { Family } from "../../src/ip/address.ts";
import { readText } from "../../src/linux/bounded-file.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import { isLasting } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import { logging } from "../../src/steps/logging.ts";
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
  const text = ignoring(isGone, () => readText(path));
  return text === undefined ? undefined : { path, text, record: parseLease(text, path) };
}

/** All leases of a folder. A file that cannot be read is logged and left out. @throws errors that may pass, such as EIO */
export function listLeases(folder: string, log: (line: string) => void): readonly StoredLease[] {
  return listNames(folder).flatMap((name) => {
    const path = `${folder}/${name}`;
    return logging(isLasting, { log, what: `Cannot read the lease in ${path}` }, () => readLeaseFile(path)) ?? [];
  });
}

function listNames(folder: string): readonly string[] {
  const names = ignoring(isGone, () => fs.readdirSync(folder)) ?? [];
  return names.filter((name) => name.endsWith(SUFFIX));
}
