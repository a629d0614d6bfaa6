import { sha256 } from "#digest";
import fs from "#fs";
import path from "#path";
import { holdsAny } from "../netlink/bytes.ts";
import { MANIFEST } from "./installation.ts";

/**
 * SHA-256, in hex, of the build of this project that a directory has, with or without `cnictl install`: that of the file `cnictl`, if its
 * bytes have the manifest's file name, as those of every build. The file is read and not run, because it may be anybody's. Undefined if
 * there is none.
 */
export function findUnpacked(directory: string): string | undefined {
  const file = path.join(directory, "cnictl");
  if (fs.lstatSync(file, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  const bytes = fs.readFileSync(file);
  return holdsAny(bytes, [MANIFEST]) ? sha256(bytes) : undefined;
}
