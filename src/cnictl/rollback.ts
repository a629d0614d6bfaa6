import fs from "#fs";
import path from "#path";
import { formatCall } from "./call-text.ts";
import { findManifest, findOccupants, formatManifest, InstallError, MANIFEST, type Manifest } from "./installation.ts";
import { dropPrevious, findPrevious, PREVIOUS, type Previous } from "./previous.ts";
import { linkOrCopy, writeText } from "./staging.ts";

/** The name that a rollback does not remove, and why. */
const TOOL = "cnictl";
const REASON = "when containers that these plugins attached are deleted, `cnictl clean` removes what is left of them";

/**
 * Brings back what the last installation replaced, and deletes names that held nothing before it, except cnictl. Returns a report, one
 * entry for each line. A second run completes an interrupted one. @throws InstallError if nothing is kept, or a file was changed since
 */
export function rollBack(directory: string, staging: string, { force }: { force: boolean }): readonly string[] {
  const current = findManifest(directory);
  const previous = findPrevious(directory);
  if (previous === undefined) refuseEmpty(directory, current);
  const { manifest, kept, added } = previous;
  const { changed, ours } = compareNames(directory, previous, current?.images ?? []);
  if (changed.length > 0 && !force) refuseChanged(directory, changed);
  const folder = path.join(directory, PREVIOUS);
  for (const name of kept) linkOrCopy(path.join(folder, name), path.join(staging, name));
  for (const name of kept) fs.renameSync(path.join(staging, name), path.join(directory, name));
  const removed = added.filter((name) => ours.has(name) && name !== TOOL);
  for (const name of removed) fs.rmSync(path.join(directory, name), { force: true });
  const tool = added.includes(TOOL) ? ours.get(TOOL) : undefined;
  const before = manifest ?? { version: current?.version ?? "", names: [], images: [] };
  restoreManifest(directory, staging, tool === undefined ? manifest : addTool(before, tool));
  dropPrevious(directory);
  return [
    ...(kept.length === 0 ? [] : [`brought back ${kept.join(", ")}`]),
    ...(removed.length === 0 ? [] : [`removed ${removed.join(", ")}`]),
    ...(tool === undefined ? [] : [`kept ${TOOL}: ${REASON}`]),
  ];
}

/** Of the names that a rollback touches: those that were changed since the installation, and the digests of those that were not. */
function compareNames(
  directory: string,
  { kept, added }: Previous,
  images: readonly string[],
): { changed: readonly string[]; ours: ReadonlyMap<string, string> } {
  const now = findOccupants(directory, [...kept, ...added]);
  const before = findOccupants(path.join(directory, PREVIOUS), kept);
  const digests = Array.from(now, ([name, { digest }]) => [name, digest] as const);
  const ours = new Map(digests.filter(([, digest]) => images.includes(digest)));
  const isSame = (name: string) => now.get(name)?.digest === before.get(name)?.digest;
  const changed = kept.filter((name) => now.get(name)?.kind !== "nothing" && !ours.has(name) && !isSame(name));
  return { changed, ours };
}

function refuseEmpty(directory: string, current: Manifest | undefined): never {
  const what = current?.names.every((name) => name === TOOL) ? TOOL : "the plugins";
  const hint = current === undefined ? "" : `; ${formatCall("uninstall", { dir: directory })} removes ${what}`;
  throw new InstallError(`Cannot roll back ${directory}: nothing is kept there${hint}`);
}

function refuseChanged(directory: string, changed: readonly string[]): never {
  const what = `${changed.join(", ")} there ${changed.length === 1 ? "was" : "were"} changed since the installation`;
  const call = formatCall("install", { rollback: true, force: true, dir: directory });
  const hint = `${call} replaces ${changed.length === 1 ? "it" : "them"}`;
  throw new InstallError(`Cannot roll back ${directory}: ${what}; nothing was changed: ${hint}`);
}

/** The manifest of before, with the cnictl that stays: uninstall removes it, and the next installation replaces it. */
function addTool({ names, images, ...others }: Manifest, image: string): Manifest {
  return { ...others, names: [...new Set([...names, TOOL])], images: [...new Set([...images, image])] };
}

function restoreManifest(directory: string, staging: string, restored: Manifest | undefined): void {
  const manifest = path.join(directory, MANIFEST);
  const fresh = path.join(staging, "manifest");
  if (restored === undefined) fs.rmSync(manifest, { force: true });
  else {
    writeText(fresh, formatManifest(restored));
    fs.renameSync(fresh, manifest);
  }
}
