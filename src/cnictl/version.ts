import fs from "#fs";
import path from "#path";
import { formatJson } from "../cni/json.ts";
import { ifPossible } from "../platform/outcome.ts";
import { nameBuild } from "./build-name.ts";
import { defineCommand } from "./command.ts";
import type { Edge } from "./edge.ts";
import { identifyFile } from "./executable.ts";
import { flag } from "./option.ts";
import { findOwnDirectory } from "./own-directory.ts";
import { formatTable } from "./table.ts";
import { pluginDirectories } from "./target.ts";

/** How long in ms a plugin may take to say its version, and how many bytes it may say. */
const DEADLINE = 5_000;
const MOST = 65_536;

/** One executable of a folder of plugins. */
interface Found {
  readonly name: string;
  readonly file: string;
  /** The version that it says without a command; empty if it says none. */
  readonly version: string;
  /** The commit that it says it was built from, and its day; empty if it says none. */
  readonly commit: string;
  readonly date: string;
  /** The protocol versions that it says it supports. */
  readonly protocols: readonly string[];
  /** Whether it is the running image. */
  readonly own: boolean;
}

/** `cnictl version`: this executable, and every plugin in CNI_PATH. */
export const version = defineCommand({
  name: "version",
  summary: "Prints the version of cnictl and of every plugin",
  help: [
    "Runs each executable in the folders of CNI_PATH without a command. A plugin then prints its version,",
    "and a plugin of this project also its commit. Without CNI_PATH, it runs only the plugins of this",
    "project in cnictl's own folder. `this image` marks plugins that are the same file as cnictl.",
  ],
  operands: [],
  options: { json: flag("print JSON") },
  environment: ["CNI_PATH"],
  run: (edge, { values }) => {
    const plugins = pluginDirectories(edge).flatMap((folder) => listExecutables(edge, folder, namesFor(edge, folder)));
    const { version: own, commit, date, engine } = edge.build;
    if (values.json) edge.writeOut(`${formatJson({ version: own, commit, date, engine, plugins })}\n`);
    else edge.writeOut(`cnictl ${nameBuild(edge.build)}, ${engine}\n\n${formatTable(HEADINGS, plugins.map(rowOf))}`);
    return undefined;
  },
});

const HEADINGS = ["PLUGIN", "VERSION", "COMMIT", "PROTOCOL", "FILE"];

function rowOf({ name, version, commit, date, protocols, own, file }: Found): readonly string[] {
  const [oldest = "", newest = oldest] = [protocols[0], protocols.at(-1)];
  const range = oldest === newest ? oldest : `${oldest} to ${newest}`;
  const source = commit === "" ? "" : `${commit} of ${date}`;
  return [name, `${version}${own ? " (this image)" : ""}`, source, range, file];
}

/** The names that are run in a folder: in cnictl's own, not the commands that may be there besides, such as `reboot`. */
function namesFor(edge: Edge, folder: string): readonly string[] {
  const names = namesIn(folder);
  return folder === findOwnDirectory(edge) ? names.filter((name) => edge.build.names.includes(name)) : names;
}

/** Those that are executables. */
function listExecutables(edge: Edge, folder: string, names: readonly string[]): readonly Found[] {
  const own = identify(edge.build.executable);
  return names.flatMap((name) => {
    const file = path.join(folder, name);
    const identity = identify(file);
    if (identity === undefined) return [];
    return [{ name, file, ...introduce(edge, file), own: identity === own }];
  });
}

/** By name; none if the folder cannot be read. */
function namesIn(folder: string): readonly string[] {
  return ifPossible(() => fs.readdirSync(folder).sort()) ?? [];
}

/** Tells a file from every other; undefined if it is not an executable file, or cannot be examined. */
function identify(file: string): string | undefined {
  const found = ifPossible(() => identifyFile(file));
  return found?.isExecutable ? found.identity : undefined;
}

function introduce(edge: Edge, file: string): Pick<Found, "version" | "commit" | "date" | "protocols"> {
  const text = textOf(edge, file);
  const [version = ""] = /^.*?(v?\d+\.\d+\.\d+\S*)/.exec(text)?.slice(1) ?? [];
  const [, protocols = ""] = /versions supported: (.*)/.exec(text) ?? [];
  const [, commit = "", date = ""] = /^Built from commit (\S+) of (\S+)$/m.exec(text) ?? [];
  return { version, commit, date, protocols: protocols.split(/, */).filter((each) => each !== "") };
}

/** What an executable says without a command; empty if it cannot be run. */
function textOf(edge: Edge, file: string): string {
  try {
    const options = { environment: {}, stdin: new Uint8Array(), deadline: DEADLINE, maxOutput: MOST };
    const { stdout, stderr } = edge.launch(file, options).wait();
    return new TextDecoder().decode(stderr.length > 0 ? stderr : stdout).trim();
  } catch {
    return "";
  }
}
