import { sha512 } from "#digest";
import fs from "#fs";
import { byteLength } from "../../src/platform/bytes.ts";
import { isPassing } from "../../src/platform/errno.ts";
import * as files from "./atomic-file.ts";

/**
 * What ADD knew of an attachment, kept in .state/attachments as a symbolic link named by the attachment: one system call
 * writes it whole, no power cut tears it, and the Go plugin, which reads every file, passes over it. The links are also
 * the index by which an attachment's leases are found.
 */
export interface LeaseRecord {
  /** Names of the lease files. */
  readonly addresses: readonly string[];
  /** Date in ms that ADD gave the lease files; one of another date is not ADD's any more. "" where somebody else made them. */
  readonly time: string;
  /** The boot in which ADD ran; "" where it is not known. */
  readonly boot: string;
  /** Inode of the network namespace; "" where it is not known. */
  readonly netns: string;
  /** The path by which ADD was told of the namespace; may be "". */
  readonly path: string;
}

/** Bytes that a name can have, with room to spare. */
const LONGEST_NAME = 240;

/** Bytes of a link's text that have room in its inode on ext4: a longer one takes a block of its own, 0.1 ms of an ADD and 0.2 of a DEL. */
const SHORT_TEXT = 59;

/** The records of a network's folder. */
export function recordsOf(folder: string): string {
  return `${folder}/.state/attachments`;
}

/**
 * The name of the owner's record: container and interface with a colon between, which neither can have. Of what is too
 * long or odd for a name, a hash.
 */
export function recordName(owner: string): string {
  const name = owner.includes("\r\n") ? owner.replace("\r\n", ":") : `${owner}:`;
  const isPlain = /^[A-Za-z0-9][\w.-]*:[^/\s:\0]*$/.test(name) && byteLength(name) <= LONGEST_NAME;
  return isPlain ? name : `#${sha512(owner).slice(0, 40)}`;
}

/** What is known of the owner. @throws what passes, EIO for one: then it is not known whether there is anything */
export function findRecord(folder: string, owner: string): LeaseRecord | undefined {
  const path = `${recordsOf(folder)}/${recordName(owner)}`;
  // Most often there is none, and an error costs more than a look.
  const text = isThere(path) ? files.readLink(path) : undefined;
  return text === undefined ? undefined : parseRecord(text);
}

/** Writes down what is known of the owner, in place of what was. */
export function writeRecord(folder: string, owner: string, record: LeaseRecord): void {
  files.placeLink(`${recordsOf(folder)}/${recordName(owner)}`, formatRecord(record));
}

/** Forgets the owner; one that is not known is fine. */
export function removeRecord(folder: string, owner: string): void {
  files.removeFile(`${recordsOf(folder)}/${recordName(owner)}`);
}

/**
 * Addresses, time, boot and namespace, with "-" for what is not known, and the path where all is short with it: without it the namespace
 * is looked for everywhere, should ever an address be wanted.
 */
export function formatRecord({ addresses, time, boot, netns, path }: LeaseRecord): string {
  const text = [addresses.join(","), time, boot, netns].map((field) => field || "-").join(" ");
  const isShort = byteLength(`${text} ${path}`) <= SHORT_TEXT;
  return path === "" || path.includes("\0") || !isShort ? text : `${text} ${path}`;
}

/** Undefined where it is not what formatRecord writes. */
export function parseRecord(text: string): LeaseRecord | undefined {
  const fields = /^([0-9a-f.:,]+|-) (\d+|-) ([0-9a-f]+|-) (\d+|-)(?: (.*))?$/s.exec(text);
  if (fields === null) return undefined;
  const [addresses = "", time = "", boot = "", netns = ""] = fields
    .slice(1, 5)
    .map((field) => (field === "-" ? "" : field));
  const names = addresses.split(",").filter((name) => name !== "");
  return { addresses: names, time, boot, netns, path: fields[5] ?? "" };
}

function isThere(path: string): boolean {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (isPassing(error)) throw error;
    return false;
  }
}
