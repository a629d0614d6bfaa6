import fs from "#fs";
import path from "#path";
import { CniError } from "../cni/error.ts";
import { findMember, formatJson, isObject, JsonSyntaxError, parseJson } from "../cni/json.ts";
import { readFile as readRegular } from "../linux/bounded-file.ts";
import type { FolderEntry } from "../platform/file-system.ts";
import { ignoring, translating } from "../platform/outcome.ts";
import { isMissing } from "./file-error.ts";
import { sortKeys } from "./json-object.ts";
import { type Network, type PluginConfig, parseNetwork, parsePlugin } from "./network.ts";
import { asIoFailure, decoded, prefixed } from "./refusal.ts";
import { isNetworkName } from "./runtime-conf.ts";

/** No network has that name. */
export class NetworkNotFound extends CniError {
  readonly sought: string | undefined;
  readonly directory: string | undefined;
  /** The names in the directory. */
  readonly found: readonly string[];
  /** Its files that cannot be read. */
  readonly files: readonly string[];

  constructor(message: string, { name, directory, found = [], broken = [] }: Search = {}) {
    super("invalidConfig", message, {
      details: broken.map(({ error }) => `${error.details}: ${error.message}`).join("; "),
    });
    this.sought = name;
    this.directory = directory;
    this.found = found;
    this.files = broken.map(({ file }) => file);
  }
}

/** What a search for a network came to. */
interface Search {
  readonly name?: string;
  readonly directory?: string;
  readonly found?: readonly string[];
  readonly broken?: readonly { readonly file: string; readonly error: CniError }[];
}

/** One file of a folder of networks, and the network in it or why there is none. */
export type NetworkFile = { readonly file: string } & (
  | { readonly network: Network }
  | { readonly error: CniError; readonly position: Position | undefined }
);

/** Where a text is not JSON, both from 1. */
export type Position = Pick<JsonSyntaxError, "line" | "column">;

/**
 * The first network called `name`: from the `*.conflist` files in name order, otherwise from the single configurations in `*.conf` and
 * `*.json`, as a list of one plugin. `report` gets the error of each file before it that cannot be read. @throws NetworkNotFound, with
 * these errors in its details; CniError ioFailure if the folder cannot be read
 */
export function loadNetwork(directory: string, name: string, report: (error: CniError) => void): Network {
  const broken: { file: string; error: CniError }[] = [];
  const found: string[] = [];
  for (const entry of readNetworks(directory)) {
    if ("error" in entry) broken.push(entry);
    else if (entry.network.name === name) {
      for (const { error } of broken) report(error);
      return entry.network;
    } else found.push(entry.network.name);
  }
  throw notFound({ name, directory, found, broken });
}

/** The error for a name that no network has, in the library's words. */
export function notFound(search: Required<Search>): NetworkNotFound {
  const { name, directory, found, broken } = search;
  const isEmpty = found.length + broken.length === 0;
  const what = isEmpty ? "no net configurations found" : `no net configuration with name "${name}"`;
  return new NetworkNotFound(`${what} in ${directory}`, search);
}

/** The networks of a folder: lists in name order, then single configurations. @throws CniError ioFailure if it cannot be read */
export function* readNetworks(directory: string): Generator<NetworkFile> {
  for (const file of listFiles(directory, [".conflist"])) yield readNetwork(file, loadList);
  for (const file of listFiles(directory, [".conf", ".json"])) yield readNetwork(file, loadSingle);
}

function readNetwork(file: string, load: (file: string) => Network): NetworkFile {
  try {
    return { file, network: { ...inFile(file, () => load(file)), file } };
  } catch (error) {
    if (error instanceof CniError) return { file, error, position: positionOf(error) };
    throw error;
  }
}

function loadSingle(file: string): Network {
  const json = loadJson(file);
  if (isObject(json) && Object.hasOwn(json, "plugins") && findMember(json, "type") === undefined) {
    const hint = "it has 'plugins': the file of a list ends in .conflist";
    throw new CniError("invalidConfig", `error parsing configuration: missing 'type' (${hint})`);
  }
  return listOfOne(parsePlugin(json));
}

/** Reads a list, and the plugins in the folder of its name beside it unless the list disables them. */
function loadList(file: string): Network {
  const network = parseNetwork(readFile(file));
  const plugins = [...network.plugins, ...(network.loadOnlyInlinedPlugins ? [] : loadFolder(file, network.name))];
  if (plugins.length === 0) throw new CniError("invalidConfig", "no plugin configs found");
  return { ...network, plugins };
}

function loadFolder(file: string, name: string): readonly PluginConfig[] {
  // A name that could lead out of the directory has no folder.
  if (!isNetworkName(name)) return [];
  const folder = path.join(path.dirname(file), name);
  const files = prefixed(`failed to read plugin config files in ${folder}`, () => listFiles(folder, [".conf"]));
  return files.map((plugin) => inFile(plugin, () => loadPlugin(plugin)));
}

function loadPlugin(file: string): PluginConfig {
  return parsePlugin(loadJson(file));
}

function loadJson(file: string): unknown {
  return decoded("error parsing configuration", () => parseJson(readFile(file)));
}

/** A single configuration as a list of one plugin. */
export function listOfOne({ name, cniVersion, json }: PluginConfig): Network {
  return parseNetwork(new TextEncoder().encode(formatJson(sortKeys({ cniVersion, name, plugins: [json] }), 0)));
}

/** Files (not folders) of the directory with one of the extensions, in name order; none if the directory does not exist. */
export function listFiles(directory: string, extensions: readonly string[]): readonly string[] {
  const files = readDirectory(directory).filter((entry) => !entry.isDirectory());
  const named = files.filter((entry) => extensions.includes(extensionOf(entry.name)));
  return named.map((entry) => path.join(directory, entry.name)).sort();
}

/** The text from the last dot on, even if the name begins with it. */
function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? "" : name.slice(dot);
}

function readDirectory(directory: string): readonly FolderEntry[] {
  const read = () => ignoring(isMissing, () => fs.readdirSync(directory, { withFileTypes: true })) ?? [];
  return translating([Error], read, (cause) => new CniError("ioFailure", cause.message, { cause }));
}

function readFile(file: string): Uint8Array {
  return asIoFailure(`error reading ${file}`, () => readRegular(file));
}

/** Adds the file to the details of an error of `read`; where the text is not JSON, also the position, and a hint to the message. */
export function inFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CniError) || error.details !== "") throw error;
    const flaw = positionOf(error);
    const details = flaw === undefined ? file : `${file}:${flaw.line}:${flaw.column}`;
    const message = flaw?.hint === undefined ? error.message : `${error.message} (${flaw.hint})`;
    throw new CniError(error.code, message, { details, cause: error });
  }
}

/** The position that an error, or what caused it, has in its text. */
function positionOf(error: unknown): JsonSyntaxError | undefined {
  if (error instanceof JsonSyntaxError) return error;
  return error instanceof Error && error.cause !== undefined ? positionOf(error.cause) : undefined;
}
