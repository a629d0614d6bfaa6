import fs from "#fs";
import path from "#path";
import { defineCommand } from "./command.ts";
import { findManifest, findOccupants, MANIFEST, withContext } from "./installation.ts";
import { FOLDER_OPTION, PLUGIN_DIRECTORY } from "./option.ts";

/** `cnictl uninstall`: deletes the files of install, unless they were changed since. */
export const uninstall = defineCommand({
  name: "uninstall",
  summary: "Uninstalls the plugins",
  help: ["Removes what `cnictl install` installed. Files that were changed since then stay."],
  operands: [],
  options: { dir: FOLDER_OPTION },
  environment: [],
  run: (edge, { values }) => {
    const directory = path.resolve(edge.directory, values.dir ?? PLUGIN_DIRECTORY);
    for (const line of withContext(`Cannot uninstall from ${directory}`, () => removeOurs(directory)))
      edge.writeOut(`${directory}: ${line}\n`);
    return undefined;
  },
});

/** Returns a report, one entry for each line. */
function removeOurs(directory: string): readonly string[] {
  const manifest = findManifest(directory);
  if (manifest === undefined) return ["nothing of ours is installed there"];
  const occupants = findOccupants(directory, manifest);
  const ours = manifest.names.filter((name) => occupants.get(name) === "ours");
  const changed = manifest.names.filter((name) => !["ours", "nothing"].includes(occupants.get(name) ?? "nothing"));
  for (const name of [...ours, MANIFEST]) fs.rmSync(path.join(directory, name), { force: true });
  const removed = `removed ${ours.length === 0 ? "nothing" : ours.join(", ")}`;
  return changed.length === 0 ? [removed] : [removed, `left ${changed.join(", ")}, changed since`];
}
