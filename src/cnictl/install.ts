import fs from "#fs";
import path from "#path";
import { findNearest } from "../cni/nearest.ts";
import { pause } from "../platform/pause.ts";
import { formatCall } from "./call-text.ts";
import { defineCommand } from "./command.ts";
import type { Edge } from "./edge.ts";
import { describePath, describePlan } from "./install-report.ts";
import { InstallError, withContext } from "./installation.ts";
import { filesOf, planInstallation, refuseForeign } from "./installation-plan.ts";
import { placeNetworkFile } from "./network-file.ts";
import { FOLDER_OPTION, flag, PLUGIN_DIRECTORY } from "./option.ts";
import { replaceFiles, stageFiles } from "./replacement.ts";
import { rollBack } from "./rollback.ts";
import { withStaging } from "./staging.ts";
import { networkDirectory } from "./target.ts";
import { tryExecutables } from "./trial.ts";
import { UsageError } from "./usage-error.ts";

/** `cnictl install`: installs this executable under all its names. */
export const install = defineCommand({
  name: "install",
  summary: "Installs the plugins",
  help: [
    "Copies this executable once and links it under the name of every plugin and of cnictl. Each",
    "name changes in one step, so it is safe while plugins run: a caller finds the old file or the",
    "new one. Names that have this executable already are left as they are. Before anything changes,",
    "the new executable is started here under each name. If a file of such a name is not from",
    "`cnictl install`, nothing is installed, except with --force. What is replaced is kept until another",
    "build is installed: --rollback brings it back. Several calls of one build, such as with --only, are",
    "one step. A rollback removes names that were free before, except cnictl. --list and --stay are for an",
    "installer that runs as a container: --list puts a network list or a template into NETCONFPATH, once the",
    "plugins are there.",
  ],
  operands: [],
  options: {
    dir: FOLDER_OPTION,
    only: {
      type: "string",
      value: "NAMES",
      help: "names to install, separated by commas",
      completion: "name",
      isList: true,
    },
    force: flag("replace files that are not from `cnictl install`"),
    rollback: flag("bring back what the last installation replaced"),
    list: { type: "string", value: "FILE", help: "a network list to install, too", completion: "file" },
    stay: flag("do not end after the installation, until a signal"),
  },
  environment: ["NETCONFPATH"],
  run: (edge, { values: { dir = PLUGIN_DIRECTORY, only, force = false, rollback, list, stay } }) => {
    const directory = path.resolve(edge.directory, dir);
    if (rollback && only !== undefined) throw new UsageError("--only and --rollback exclude each other");
    const names = only === undefined ? undefined : parseNames(only, edge.build.names);
    // Its log is not read on the node.
    const isContainer = list !== undefined || stay;
    const file = list === undefined ? undefined : path.resolve(edge.directory, list);
    const action = rollback ? "roll back" : "install in";
    const lines = withContext(`Cannot ${action} ${directory}`, () => {
      refuseLink(directory);
      if (rollback) return withStaging(directory, (staging) => rollBack(directory, staging, { force }));
      const again = formatCall("install", { force: true, dir: directory, only, list: file, stay });
      return [
        ...installNames(edge, directory, { names, force, again }),
        ...(isContainer ? [] : describePath(edge, directory)),
      ];
    });
    for (const line of lines) edge.writeOut(`${directory}: ${line}\n`);
    if (file !== undefined) installList(edge, file);
    while (stay) pause(STAY_MS);
    return undefined;
  },
});

/** How long in ms to sleep at a time. */
const STAY_MS = 3_600_000;

function installList(edge: Edge, file: string): void {
  const directory = networkDirectory(edge);
  const isWritten = withContext(`Cannot install ${file} in ${directory}`, () => placeNetworkFile(file, directory));
  edge.writeOut(`${directory}: ${isWritten ? "" : "unchanged: "}${path.basename(file)}\n`);
}

function parseNames(text: string, known: readonly string[]): readonly string[] {
  const names = [...new Set(text.split(",").filter((name) => name !== ""))];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) refuseName(unknown, known);
  if (names.length === 0) throw new UsageError("--only needs a name");
  return names;
}

function refuseName(name: string, known: readonly string[]): never {
  const nearest = findNearest(name, known);
  const hint = nearest === undefined ? `known are ${known.join(", ")}` : `did you mean "${nearest}"?`;
  throw new UsageError(`unknown name "${name}" in --only; ${hint}`);
}

/** A link may lead to the folder of other plugins, such as the distribution's: whoever means that one names it. */
function refuseLink(directory: string): void {
  const found = fs.lstatSync(directory, { throwIfNoEntry: false });
  if (found === undefined || found.isDirectory()) return;
  if (!fs.existsSync(directory) || !fs.statSync(directory).isDirectory())
    throw new InstallError(`Cannot use ${directory}: it is not a directory`);
  const target = fs.realpathSync(directory);
  throw new InstallError(
    `Cannot use ${directory}: it is a link to ${target}; nothing was changed: --dir ${target} uses that`,
  );
}

/** What is to be installed. `again` is the same call with --force. */
interface Order {
  readonly names: readonly string[] | undefined;
  readonly force: boolean;
  readonly again: string;
}

/** Returns a report, one entry for each line. */
function installNames(edge: Edge, directory: string, { names, ...order }: Order): readonly string[] {
  const plan = () => planInstallation(directory, edge.build, names);
  // Before anything is made: what is refused leaves nothing behind.
  refuseForeign(directory, plan(), order);
  const isNew = !fs.existsSync(directory);
  fs.mkdirSync(directory, { recursive: true });
  return withStaging(directory, (staging) => {
    // Once more: an installation that had the lock may have ended.
    const found = plan();
    refuseForeign(directory, found, order);
    const { changing, current } = found;
    const source = current[0] === undefined ? edge.build.executable : path.join(directory, current[0]);
    stageFiles(staging, { source, isInPlace: current.length > 0, names: changing });
    tryExecutables(edge, directory, filesOf(staging, changing));
    replaceFiles(directory, staging, found);
    return [...(isNew ? ["created, because it did not exist"] : []), ...describePlan(edge.build, directory, found)];
  });
}
