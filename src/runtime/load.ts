import fs from "#fs";
import path from "#path";
import { CniError, reasonOf } from "../cni/error.ts";
import { formatJson, parseJson } from "../cni/json.ts";
import { readFile as readRegular } from "../linux/bounded-file.ts";
import type { FolderEntry } from "../platform/file-system.ts";
import { isMissing } from "./file-error.ts";
import { sortKeys } from "./json-object.ts";
import { type Network, type PluginConfig, parseNetwork, parsePlugin } from "./network.ts";
import { decoded, prefixed } from "./refusal.ts";
import { isNetworkName } from "./runtime-conf.ts";

/** No network has that name. `found` lists the names in the directory. */
export class NetworkNotFound extends CniError {
  readonly found: readonly string[];

  constructor(message: string, found: readonly string[]) {
    super("invalidConfig", message);
    this.found = found;
  }
}

/**
 * The first network called `name`: from the `*.conflist` files in name order, otherwise from the single configurations in `*.conf` and
 * `*.json`, as a list of one plugin. An earlier file that cannot be read is an error. @throws NetworkNotFound; CniError invalidConfig,
 * decodingFailure, ioFailure, with the file in its details
 */
export function loadNetwork(directory: string, name: string): Network {
  const found: string[] = [];
  const lists = listFiles(directory, [".conflist"]);
  for (const file of lists) {
    const network = inFile(file, () => loadList(file));
    if (network.name === name) return network;
    found.push(network.name);
  }
  const singles = listFiles(directory, [".conf", ".json"]);
  if (lists.length + singles.length === 0) throw new NetworkNotFound(`no net configurations found in ${directory}`, []);
  for (const file of singles) {
    const plugin = inFile(file, () => loadPlugin(file));
    if (plugin.name === name) return listOfOne(plugin);
    found.push(plugin.name);
  }
  throw new NetworkNotFound(`no net configuration with name "${name}" in ${directory}`, found);
}

/** A file of the folder of network lists: its network, or why it has none. */
export type NetworkFile = { readonly file: string; readonly isSingle: boolean } & (
  | { readonly network: Network; readonly error?: undefined }
  | { readonly network?: undefined; readonly error: CniError }
);

/**
 * All files that loadNetwork() reads, in its order: lists, then single configurations. A broken file does not stop the others. Of several
 * networks with one name, loadNetwork() takes the first. @throws CniError ioFailure if the directory cannot be read
 */
export function listNetworkFiles(directory: string): readonly NetworkFile[] {
  const read = (file: string, isSingle: boolean): NetworkFile => {
    try {
      const network = inFile(file, () => (isSingle ? listOfOne(loadPlugin(file)) : loadList(file)));
      return { file, isSingle, network };
    } catch (error) {
      if (!(error instanceof CniError)) throw error;
      return { file, isSingle, error };
    }
  };
  const lists = listFiles(directory, [".conflist"]).map((file) => read(file, false));
  return [...lists, ...listFiles(directory, [".conf", ".json"]).map((file) => read(file, true))];
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
  return parsePlugin(decoded("error parsing configuration", () => parseJson(readFile(file))));
}

function listOfOne({ name, cniVersion, json }: PluginConfig): Network {
  return parseNetwork(new TextEncoder().encode(formatJson(sortKeys({ cniVersion, name, plugins: [json] }), 0)));
}

/** Files (not folders) with one of the extensions, in name order; none if the directory does not exist. */
function listFiles(directory: string, extensions: readonly string[]): readonly string[] {
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
  try {
    return fs.readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw new CniError("ioFailure", reasonOf(error), { cause: error });
  }
}

function readFile(file: string): Uint8Array {
  try {
    return readRegular(file);
  } catch (error) {
    throw new CniError("ioFailure", `error reading ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Adds the file to the details of an error of `read`. */
function inFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CniError) || error.details !== "") throw error;
    throw new CniError(error.code, error.message, { details: file, cause: error });
  }
}
