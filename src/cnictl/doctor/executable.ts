import { sha256 } from "#digest";
import fs from "#fs";
import path from "#path";
import { holdsAny } from "../../netlink/bytes.ts";

/** The type and the owner of the note that the Go linker writes near the beginning of an executable, and how far it is looked for. */
const GO_NOTE = new Uint8Array([4, 0, 0, 0, ...new TextEncoder().encode("Go\0\0")]);
const GO_HEAD = 64 * 1024;

/** How many of a digest's hexadecimal digits are shown. */
const DIGITS = 12;

/** An executable in a folder of CNI_PATH. */
export interface Executable {
  readonly name: string;
  readonly file: string;
  /** The same for all names of one file. */
  readonly identity: string;
  readonly digest: string;
  readonly isExecutable: boolean;
  readonly isGo: boolean;
}

/** The file of that name in a folder; undefined if there is no regular file. @throws Error of the file operation that failed */
export function findExecutable(folder: string, name: string): Executable | undefined {
  const file = path.join(folder, name);
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile()) return undefined;
  const bytes = fs.readFileSync(file);
  return {
    name,
    file,
    identity: `${stat.dev}:${stat.ino}`,
    digest: sha256(bytes),
    isExecutable: (stat.mode & 0o111) !== 0,
    isGo: holdsAny(bytes.subarray(0, GO_HEAD), [GO_NOTE]),
  };
}

/** A digest as it is shown. */
export function shortDigest(digest: string): string {
  return `sha256 ${digest.slice(0, DIGITS)}`;
}
