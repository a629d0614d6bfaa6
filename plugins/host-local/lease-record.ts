import { sha512 } from "#digest";
import fs from "#fs";
import { byteLength } from "../../src/platform/bytes.ts";
import { isLasting } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import * as files from "./atomic-file.ts";

/**
 * What ADD saves about an attachment: a symbolic link in .state/attachments, named by the attachment. One system call writes it whole, no
 * power cut tears it, and the Go plugin, which reads every file, ignores it. The links are also the index to find an attachment's leases.
 */
export interface LeaseRecord {
  /** Names of the lease files. */
  readonly addresses: readonly string[];
  /** Date in ms that ADD gave the lease files. A file with another date is not from this ADD. "" if other software created them. */
  readonly time: string;
  /** The boot in which ADD ran; "" if unknown. */
  readonly boot: string;
  /** Identity of the network namespace, as identifyNetnsAt() gives it; "" if unknown. */
  readonly netns: string;
  /** The namespace path that ADD was given; may be "". */
  readonly path: string;
}

/** Maximum length of a record's name in bytes, below the file system's limit. */
const LONGEST_NAME = 240;

/** Link text of up to this many bytes fits into an ext4 inode. A longer one takes a block: 0.1 ms more for ADD and 0.2 ms for DEL. */
const SHORT_TEXT = 59;

/** The folder of records in a network's folder. */
export function recordsOf(folder: string): string {
  return `${folder}/.state/attachments`;
}

/**
 * The name of the owner's record: container and interface, separated by a colon, which neither can contain. A hash if that is too long or
 * not a valid name.
 */
export function recordName(owner: string): string {
  const name = owner.includes("\r\n") ? owner.replace("\r\n", ":") : `${owner}:`;
  const isPlain = /^[A-Za-z0-9][\w.-]*:[^/\s:\0]*$/.test(name) && isShort(name);
  return isPlain ? name : `#${sha512(owner).slice(0, 40)}`;
}

/** The owner of a record by its name; undefined if the name is a hash. */
export function ownerOfRecord(name: string): string | undefined {
  if (name.startsWith("#")) return undefined;
  const at = name.lastIndexOf(":");
  return at === name.length - 1 ? name.slice(0, at) : `${name.slice(0, at)}\r\n${name.slice(at + 1)}`;
}

/** The owner's record. @throws errors that may pass, such as EIO: then it is unknown whether there is a record */
export function findRecord(folder: string, owner: string): LeaseRecord | undefined {
  const name = recordName(owner);
  // Most often there is no record, and an error costs more than a check.
  return isThere(`${recordsOf(folder)}/${name}`) ? readRecord(folder, name) : undefined;
}

/** The record of that name, or undefined. @throws errors that may pass, such as EIO */
export function readRecord(folder: string, name: string): LeaseRecord | undefined {
  const text = files.readLink(`${recordsOf(folder)}/${name}`);
  return text === undefined ? undefined : parseRecord(text);
}

/** Writes or replaces the owner's record. */
export function writeRecord(folder: string, owner: string, record: LeaseRecord): void {
  files.placeLink(`${recordsOf(folder)}/${recordName(owner)}`, formatRecord(record));
}

/** Deletes the owner's record. A missing one is success. */
export function removeRecord(folder: string, owner: string): void {
  files.removeFile(`${recordsOf(folder)}/${recordName(owner)}`);
}

/**
 * The record as text: addresses, time, boot and namespace, with "-" for unknown values. The path is added if the text stays short.
 * Without the path, the namespace is searched for everywhere when an address is needed.
 */
export function formatRecord({ addresses, time, boot, netns, path }: LeaseRecord): string {
  const text = [addresses.join(","), time, boot, netns].map((field) => field || "-").join(" ");
  const fits = byteLength(`${text} ${path}`) <= SHORT_TEXT;
  return path === "" || path.includes("\0") || !fits ? text : `${text} ${path}`;
}

/** Undefined if the text is not from formatRecord. */
export function parseRecord(text: string): LeaseRecord | undefined {
  const fields = /^([0-9a-f.:,]+|-) (\d+|-) ([0-9a-f]+|-) (\d+(?::\d+)?|-)(?: (.*))?$/s.exec(text);
  if (fields === null) return undefined;
  const [, addresses = "", time = "", boot = "", netns = "", path = ""] = fields;
  const known = (field: string) => (field === "-" ? "" : field);
  const names = known(addresses)
    .split(",")
    .filter((name) => name !== "");
  return { addresses: names, time: known(time), boot: known(boot), netns: known(netns), path };
}

/** A UTF-16 unit is at most three bytes of UTF-8, so a short name needs no encoding. */
function isShort(name: string): boolean {
  return 3 * name.length <= LONGEST_NAME || byteLength(name) <= LONGEST_NAME;
}

function isThere(path: string): boolean {
  return ignoring(isLasting, () => fs.lstatSync(path, { throwIfNoEntry: false })) !== undefined;
}
