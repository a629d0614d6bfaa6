import fs from "#fs";
import { isPassing } from "../../src/platform/errno.ts";
import { handling } from "../../src/platform/outcome.ts";
import { discard, giveName, isDraft, readText, removeFile, uniqueSuffix } from "./atomic-file.ts";
import { errnoOf } from "./store-failure.ts";

/** Prefix of a file that is being deleted. */
const ASIDE = ".gone-";

/** Age in ms at which a file set aside counts as abandoned: its process had only two system calls left to make. */
const ASIDE_LIFETIME = 60_000;

/**
 * Deletes a file if it still contains `text`. False if it does not, or is gone. The name may become another file's between reading and
 * unlinking. So the file is renamed first, then read, and renamed back if it is the wrong one.
 */
export function withdrawFile(folder: string, name: string, text: string): boolean {
  const path = `${folder}/${name}`;
  const aside = `${folder}/${ASIDE}${uniqueSuffix()}`;
  try {
    fs.renameSync(path, aside);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    // A full disk may not allow a rename, but always allows a delete.
    return readText(path) === text && removeFile(path);
  }
  const found = readAside(aside, path);
  const isMeant = found === text;
  if (found !== undefined && !isMeant) giveName(aside, path);
  removeAside(aside);
  return isMeant;
}

/** Whether the file was set aside to be deleted. */
export function isAside(name: string): boolean {
  return name.startsWith(ASIDE);
}

/** Deletes files with these names that killed processes left in a folder. Call it only with the folder's lock. */
export function sweep(folder: string, names: readonly string[]): void {
  for (const name of names) {
    const path = `${folder}/${name}`;
    if (isDraft(name) || (isAside(name) && ageOf(path) > ASIDE_LIFETIME)) removeFile(path);
  }
}

/** Reads a file set aside. If it cannot be read, its owner is unknown, so it gets its name back. */
function readAside(aside: string, path: string): string | undefined {
  try {
    return readText(aside);
  } catch (error) {
    giveName(aside, path);
    discard(aside);
    throw error;
  }
}

/** Deletes a file set aside, with a second try: while the records are complete, nobody would look for its new name. */
function removeAside(aside: string): void {
  const remove = () => removeFile(aside);
  handling(isPassing, remove, remove);
}

/** Time in ms since a file was last renamed, also if the clock was set back since; 0 if it is gone. */
function ageOf(path: string): number {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 0 : Math.abs(Date.now() - stat.ctimeMs);
}
