import { sha512 } from "#digest";
import fs from "#fs";
import { ERRNO, errnoOf } from "../platform/errno.ts";
import { ignoring } from "../platform/outcome.ts";

// The files in which plugins keep what an attachment's ADD found, each named by the attachment.

/** The maximum length of a file name in bytes (NAME_MAX of linux/limits.h), and the digits of a digest in place of a longer name. */
const NAME_MAX = 255;
const DIGITS = 64;

/** The errors of a path that does not or cannot exist. */
const GONE: readonly (number | undefined)[] = [ERRNO.ENOENT, ERRNO.ENOTDIR, ERRNO.ENAMETOOLONG, ERRNO.ELOOP];

/** A name that ends in ".json", or a digest in its place if it is too long for a file. */
export function fitFileName(name: string): string {
  const { length } = new TextEncoder().encode(name);
  return length <= NAME_MAX ? name : `${sha512(name).slice(0, DIGITS)}.json`;
}

/** Whether the error says that a file does not or cannot exist. */
export function isGone(error: unknown): boolean {
  return GONE.includes(errnoOf(error));
}

/** Deletes a file, if there is one. @throws the errors of node:fs */
export function removeFile(file: string): void {
  // A file system that is mounted read-only refuses also what is not there.
  ignoring(
    (error) => isGone(error) || (errnoOf(error) === ERRNO.EROFS && !fs.existsSync(file)),
    () => fs.unlinkSync(file),
  );
}
