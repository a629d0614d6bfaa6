import fs from "#fs";
import path from "#path";
import { readFile, readText } from "../linux/bounded-file.ts";
import { replaceFile } from "../linux/replace-file.ts";
import { inFile } from "../runtime/load.ts";
import { parseNetwork } from "../runtime/network.ts";
import { InstallError } from "./installation.ts";

/** What a runtime takes for a network list. Other files, such as templates, are text of any kind. */
const LIST = /\.conflist$/;

/**
 * Puts a network list or a template into the folder of network lists, under its own name, by one rename: a runtime that watches the folder
 * sees a whole file. Returns whether it was written; it is not if the file there is equal. @throws CniError if a list is none;
 * InstallError if something else has the name
 */
export function placeNetworkFile(file: string, directory: string): boolean {
  const name = path.basename(file);
  const target = path.join(directory, name);
  const text = readText(file);
  if (LIST.test(name)) inFile(file, () => parseNetwork(readFile(file)));
  const found = fs.lstatSync(target, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile()) throw new InstallError(`Cannot replace ${target}: it is no file`);
  if (found !== undefined && readText(target) === text) return false;
  fs.mkdirSync(directory, { recursive: true });
  // Runtimes pass over names with this ending.
  replaceFile(target, { draft: path.join(directory, `.${name}.new`), text, mode: 0o644, isDurable: true });
  return true;
}
