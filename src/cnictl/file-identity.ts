import fs from "#fs";
import { ifPossible } from "../platform/outcome.ts";

/** Device and inode as one text: equal for all paths of a file or namespace. */
export function identityOf({ dev, ino }: Readonly<Record<"dev" | "ino", number | bigint>>): string {
  return `${dev}:${ino}`;
}

/** identityOf() what is at the path; undefined if it cannot be examined. */
export function findIdentity(path: string): string | undefined {
  return ifPossible(() => identityOf(fs.statSync(path, { bigint: true })));
}
