import { sha256 } from "#digest";
import fs from "#fs";
import path from "#path";
import { holdsAny } from "../netlink/bytes.ts";
import { identityOf } from "./file-identity.ts";

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

/** Finds the executable at a path; undefined if there is no regular file. @throws Error of the file operation that failed */
export type FindExecutable = (file: string) => Executable | undefined;

/** A FindExecutable that reads each file once, however many names it has: on Node.js an image has 150 MB. */
export function executableFinder(): FindExecutable {
  const known = new Map<string, Pick<Executable, "digest" | "isGo">>();
  return (file) => {
    const found = identifyFile(file);
    if (found === undefined) return undefined;
    const content = known.get(found.identity) ?? readContent(file);
    known.set(found.identity, content);
    return { name: path.basename(file), file, ...found, ...content };
  };
}

/** What tells a file from every other; undefined if there is no regular file. @throws Error of the file operation that failed */
export function identifyFile(file: string): Pick<Executable, "identity" | "isExecutable"> | undefined {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile()) return undefined;
  return { identity: identityOf(stat), isExecutable: (stat.mode & 0o111) !== 0 };
}

function readContent(file: string): Pick<Executable, "digest" | "isGo"> {
  const bytes = fs.readFileSync(file);
  return { digest: sha256(bytes), isGo: holdsAny(bytes.subarray(0, GO_HEAD), [GO_NOTE]) };
}

/** A digest as it is shown. */
export function shortDigest(digest: string): string {
  return `sha256 ${digest.slice(0, DIGITS)}`;
}
