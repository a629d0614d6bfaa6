import fs from "#fs";
import path from "#path";
import { formatCall } from "./call-text.ts";
import { findManifest, findOccupants, formatManifest, InstallError, MANIFEST } from "./installation.ts";
import { dropPrevious, findPrevious, PREVIOUS } from "./previous.ts";
import { linkOrCopy, writeText } from "./staging.ts";

/**
 * Brings back what the last installation replaced, and deletes names that held nothing before it. Returns a report, one entry for each
 * line. A second run completes an interrupted one. @throws InstallError if nothing is kept, or a file was changed since
 */
export function rollBack(directory: string, staging: string, { force }: { force: boolean }): readonly string[] {
  const previous = findPrevious(directory);
  if (previous === undefined) throw new InstallError(`Cannot roll back ${directory}: nothing is kept there`);
  const { manifest, kept, added } = previous;
  const folder = path.join(directory, PREVIOUS);
  const images = findManifest(directory)?.images ?? [];
  const now = findOccupants(directory, [...kept, ...added]);
  const before = findOccupants(folder, kept);
  const isOurs = (name: string) => images.includes(now.get(name)?.digest ?? "");
  const isSame = (name: string) => now.get(name)?.digest === before.get(name)?.digest;
  const changed = kept.filter((name) => now.get(name)?.kind !== "nothing" && !isOurs(name) && !isSame(name));
  if (changed.length > 0 && !force) refuseChanged(directory, changed);
  for (const name of kept) linkOrCopy(path.join(folder, name), path.join(staging, name));
  for (const name of kept) fs.renameSync(path.join(staging, name), path.join(directory, name));
  const removed = added.filter(isOurs);
  for (const name of removed) fs.rmSync(path.join(directory, name), { force: true });
  restoreManifest(directory, staging, manifest === undefined ? undefined : formatManifest(manifest));
  dropPrevious(directory);
  return [
    ...(kept.length === 0 ? [] : [`brought back ${kept.join(", ")}`]),
    ...(removed.length === 0 ? [] : [`removed ${removed.join(", ")}`]),
  ];
}

function refuseChanged(directory: string, changed: readonly string[]): never {
  const what = `${changed.join(", ")} there ${changed.length === 1 ? "was" : "were"} changed since the installation`;
  const call = formatCall("install", { rollback: true, force: true, dir: directory });
  const hint = `${call} replaces ${changed.length === 1 ? "it" : "them"}`;
  throw new InstallError(`Cannot roll back ${directory}: ${what}; nothing was changed: ${hint}`);
}

function restoreManifest(directory: string, staging: string, text: string | undefined): void {
  const manifest = path.join(directory, MANIFEST);
  const fresh = path.join(staging, "manifest");
  if (text === undefined) fs.rmSync(manifest, { force: true });
  else {
    writeText(fresh, text);
    fs.renameSync(fresh, manifest);
  }
}
