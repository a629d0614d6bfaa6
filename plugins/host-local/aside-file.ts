import fs from "#fs";
import { isPassing } from "../../src/platform/errno.ts";
import { discard, giveName, isDraft, readText, removeFile, uniqueSuffix } from "./atomic-file.ts";
import { errnoOf } from "./store-failure.ts";

/** A file on its way out. */
const ASIDE = ".gone-";

/** Age in ms from which a file set aside belongs to nobody: its process had two system calls left to make. */
const ASIDE_LIFETIME = 60_000;

/**
 * Removes a file if it still says `text`; false where it does not, or is gone. Between reading a name and unlinking it the
 * name may have become another's file: so the file is moved aside, looked at, and put back where it is not the one.
 */
export function withdrawFile(folder: string, name: string, text: string): boolean {
  const path = `${folder}/${name}`;
  const aside = `${folder}/${ASIDE}${uniqueSuffix()}`;
  try {
    fs.renameSync(path, aside);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    // A full disk may have no room for another name, but always lets go of one.
    return readText(path) === text && removeFile(path);
  }
  const found = readAside(aside, path);
  const isMeant = found === text;
  if (found !== undefined && !isMeant) giveName(aside, path);
  removeAside(aside);
  return isMeant;
}

/** Whether the file was moved aside for removal. */
export function isAside(name: string): boolean {
  return name.startsWith(ASIDE);
}

/** Removes what killed processes left, of a folder's files with these names. Only for the holder of the folder's lock. */
export function sweep(folder: string, names: readonly string[]): void {
  for (const name of names) {
    const path = `${folder}/${name}`;
    if (isDraft(name) || (isAside(name) && ageOf(path) > ASIDE_LIFETIME)) removeFile(path);
  }
}

/** What cannot be read may be anybody's: it gets its name back. */
function readAside(aside: string, path: string): string | undefined {
  try {
    return readText(aside);
  } catch (error) {
    giveName(aside, path);
    discard(aside);
    throw error;
  }
}

/** Another try is worth it: nothing looks for it by its new name while the records are complete. */
function removeAside(aside: string): void {
  try {
    removeFile(aside);
  } catch (error) {
    if (!isPassing(error)) throw error;
    removeFile(aside);
  }
}

/** Time in ms since a file was last renamed, also where the clock was set back since; 0 where it is gone. */
function ageOf(path: string): number {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 0 : Math.abs(Date.now() - stat.ctimeMs);
}
