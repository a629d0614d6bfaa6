import path from "#path";
import { defineCommand } from "./command.ts";
import type { Build } from "./edge.ts";
import {
  digestFile,
  findManifest,
  findOccupants,
  InstallError,
  type Manifest,
  type Occupant,
  withContext,
} from "./installation.ts";
import { FOLDER_OPTION, flag, PLUGIN_DIRECTORY } from "./option.ts";
import { replaceFiles } from "./replacement.ts";

/** `cnictl install`: installs this executable under all its names. */
export const install = defineCommand({
  name: "install",
  summary: "Installs the plugins",
  help: [
    "Copies this executable once and links it under the name of every plugin and of cnictl. Each",
    "name changes in one step, so it is safe while plugins run: a caller finds the old file or the",
    "new one. If a file of such a name is not from `cnictl install`, nothing is installed, except",
    "with --force.",
  ],
  operands: [],
  options: { dir: FOLDER_OPTION, force: flag("replace files that are not from `cnictl install`") },
  environment: [],
  run: (edge, { values }) => {
    const directory = path.resolve(edge.directory, values.dir ?? PLUGIN_DIRECTORY);
    const foreign = withContext(`Cannot install in ${directory}`, () => {
      const plan = planInstallation(directory, edge.build);
      refuseForeign(directory, { plan, force: values.force ?? false });
      replaceFiles(directory, { executable: edge.build.executable, ...plan });
      return plan.foreign;
    });
    if (foreign.length > 0)
      edge.writeOut(`${directory}: replaced what was not from cnictl install: ${foreign.join(", ")}\n`);
    edge.writeOut(`${directory}: ${edge.build.names.join(", ")} (${edge.build.version})\n`);
    return undefined;
  },
});

/** The steps of an installation. */
interface Plan {
  /** The manifest while names change. With it, every file under these names counts as ours. */
  readonly during: Manifest;
  readonly after: Manifest;
  /** Names of an earlier version that this version no longer has. */
  readonly obsolete: readonly string[];
  /** Names whose files are not ours. */
  readonly foreign: readonly string[];
  readonly directories: readonly string[];
}

function planInstallation(directory: string, { names, version, executable }: Build): Plan {
  if (names.length === 0) {
    const advice = "build it with `npm run build`, then run `dist/bin/cnictl install`";
    throw new InstallError("Cannot install: this is not a built executable", { advice });
  }
  const before = findManifest(directory) ?? { names: [], images: [] };
  const image = digestFile(executable);
  const images = [...new Set([...before.images, image])];
  const gone = before.names.filter((name) => !names.includes(name));
  const occupants = findOccupants(directory, { names: [...names, ...gone], images });
  const holding = (occupant: Occupant) => (name: string) => occupants.get(name) === occupant;
  return {
    during: { version, names: [...names, ...gone], images },
    after: { version, names, images: [image] },
    obsolete: gone.filter(holding("ours")),
    foreign: names.filter(holding("foreign")),
    directories: names.filter(holding("directory")),
  };
}

function refuseForeign(directory: string, { plan, force }: { plan: Plan; force: boolean }): void {
  const { foreign, directories } = plan;
  if (directories.length > 0)
    throw new InstallError(`Cannot install in ${directory}: ${directories.join(", ")} there is a directory`);
  if (foreign.length === 0 || force) return;
  const what = `Cannot install in ${directory}: ${foreign.join(", ")} there ${foreign.length === 1 ? "is" : "are"} not from cnictl install; nothing was changed`;
  throw new InstallError(what, { advice: "`cnictl install --force` replaces them; keep a copy if you want them back" });
}
