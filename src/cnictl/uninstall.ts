import fs from "#fs";
import path from "#path";
import { CACHE_DIRECTORY } from "../runtime/cache.ts";
import { formatCall, quoteWord } from "./call-text.ts";
import { cleanHost } from "./cleaning.ts";
import { defineCommand } from "./command.ts";
import { describeDependents } from "./dependents.ts";
import { findManifest, findOccupants, InstallError, MANIFEST, withContext } from "./installation.ts";
import { CACHE_OPTION, FOLDER_OPTION, flag, PLUGIN_DIRECTORY } from "./option.ts";
import { dropPrevious, findPrevious, PREVIOUS } from "./previous.ts";
import { detachEnded, dropUnusedTables } from "./remnants.ts";

/** `cnictl uninstall`: deletes the files of install, unless they were changed since. */
export const uninstall = defineCommand({
  name: "uninstall",
  summary: "Uninstalls the plugins",
  help: [
    "Removes what `cnictl install` installed. It keeps files that were changed since then, and files of",
    "others that it replaced (in the folder .cni-plugins-ts.old). Containers may run, but their DEL needs",
    "plugins of the same names: the command prints how many there are. With --clean, it first removes what",
    "containers that are gone left on the host: it runs DEL for each attachment of the result cache whose",
    "namespace is gone, does what `cnictl clean` does, and deletes the nftables tables that nobody uses.",
    "If that fails, it uninstalls nothing.",
  ],
  operands: [],
  options: { dir: FOLDER_OPTION, clean: flag("remove what containers that are gone left"), "cache-dir": CACHE_OPTION },
  environment: ["NETCONFPATH"],
  run: (edge, { values: { dir = PLUGIN_DIRECTORY, clean = false, "cache-dir": cache = CACHE_DIRECTORY } }) => {
    const directory = path.resolve(edge.directory, dir);
    if (!fs.existsSync(directory)) throw new InstallError(`Cannot uninstall from ${directory}: it does not exist`);
    if (clean) {
      const ended = detachEnded(edge, cache);
      const { removed, staying, failure } = cleanHost(edge, cache);
      const tables = dropUnusedTables();
      for (const each of ended) edge.writeOut(`${each}: detached\n`);
      for (const line of [...removed, ...staying]) edge.writeOut(`${line}\n`);
      for (const table of tables) edge.writeOut(`table ${table}: deleted\n`);
      if (failure !== undefined) throw failure;
    }
    const { removed, lines } = withContext(`Cannot uninstall from ${directory}`, () => removeOurs(directory));
    const plugins = removed.filter((name) => name !== "cnictl");
    const report = [...lines, ...(plugins.length === 0 ? [] : describeDependents(edge, cache, plugins))];
    for (const line of report) edge.writeOut(`${directory}: ${line}\n`);
    return undefined;
  },
});

/** Returns the names that are gone, and a report, one entry for each line. */
function removeOurs(directory: string): { removed: readonly string[]; lines: readonly string[] } {
  const manifest = findManifest(directory);
  const others = listOthers(directory);
  const rest = others.length === 0 ? [] : describeOthers(directory, others);
  if (manifest === undefined) return { removed: [], lines: ["nothing of ours is installed there", ...rest] };
  const { names, images } = manifest;
  const occupants = findOccupants(directory, names);
  const isOurs = (name: string) => images.includes(occupants.get(name)?.digest ?? "");
  const ours = names.filter(isOurs);
  const changed = names.filter((name) => !isOurs(name) && occupants.get(name)?.kind !== "nothing");
  for (const name of [...ours, MANIFEST]) fs.rmSync(path.join(directory, name), { force: true });
  if (others.length === 0) dropPrevious(directory);
  const lines = [
    `removed ${ours.length === 0 ? "nothing" : ours.join(", ")}`,
    ...(changed.length === 0 ? [] : [`left ${changed.join(", ")}, changed since`]),
    ...rest,
  ];
  return { removed: ours, lines };
}

/** What of others stays, and how it comes back: cnictl may be gone by then. */
function describeOthers(directory: string, others: readonly string[]): readonly string[] {
  const copy = `cp -a ${quoteWord(path.join(directory, PREVIOUS))}/* ${quoteWord(directory)}`;
  const call = formatCall("install", { rollback: true, dir: directory });
  return [
    `left ${PREVIOUS}, which has what was there before: ${others.join(", ")}`,
    `\`${copy}\` brings that back, and so does ${call} with the cnictl of a release`,
  ];
}

/** Files of others that the last installation replaced, by name. They are not ours to delete. */
function listOthers(directory: string): readonly string[] {
  try {
    const { manifest, kept } = findPrevious(directory) ?? { kept: [] };
    const occupants = findOccupants(path.join(directory, PREVIOUS), kept);
    return kept.filter((name) => !manifest?.images.includes(occupants.get(name)?.digest ?? ""));
  } catch (cause) {
    const file = path.join(directory, PREVIOUS);
    throw new InstallError(`Cannot read ${file}`, { cause, advice: "move it away, and run it again" });
  }
}
