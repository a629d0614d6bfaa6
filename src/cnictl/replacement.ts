import fs from "#fs";
import path from "#path";
import { formatManifest, MANIFEST, type Manifest } from "./installation.ts";
import type { Plan } from "./installation-plan.ts";
import { keepMore, keepPrevious } from "./previous.ts";
import { copyExecutable, linkOrCopy, writeText } from "./staging.ts";

/** Puts an executable into the staging folder under these names. `isInPlace` says that it is on that file system, so it can be linked. */
export function stageFiles(
  staging: string,
  { source, isInPlace, names }: { source: string; isInPlace: boolean; names: readonly string[] },
): void {
  const [first, ...others] = names.map((name) => path.join(staging, name));
  if (first === undefined) return;
  if (isInPlace) linkOrCopy(source, first);
  else copyExecutable(source, first);
  for (const file of others) linkOrCopy(first, file);
}

/**
 * Keeps what the plan replaces, renames the staged files into place, and deletes the obsolete names. A second run completes an
 * interrupted one. Everything is on the disk before the first name changes. @throws Error of the file operation that failed
 */
export function replaceFiles(
  directory: string,
  staging: string,
  { during, after, changing, obsolete, previous, isContinued }: Plan,
): void {
  const manifests = [during, after].map((manifest, i) => stageManifest(path.join(staging, `manifest ${i}`), manifest));
  const [began = "", ended = ""] = manifests;
  const manifest = path.join(directory, MANIFEST);
  if (previous !== undefined)
    if (isContinued) keepMore(directory, staging, previous);
    else keepPrevious(directory, staging, previous);
  if (changing.length > 0 || obsolete.length > 0) fs.renameSync(began, manifest);
  for (const name of changing) fs.renameSync(path.join(staging, name), path.join(directory, name));
  for (const name of obsolete) fs.rmSync(path.join(directory, name), { force: true });
  fs.renameSync(ended, manifest);
}

function stageManifest(file: string, manifest: Manifest): string {
  writeText(file, formatManifest(manifest));
  return file;
}
