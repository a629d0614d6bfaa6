import fs from "#fs";
import path from "#path";
import { ifPossible } from "../platform/outcome.ts";
import { CniError } from "./error.ts";

/**
 * The executable of a plugin: the first regular file of that name in the folders. Symbolic links are followed; the execute permission
 * is not checked. @throws CniError invalidConfig for an invalid name, delegateFailed if there is no such file
 */
export function findPlugin(type: string, folders: readonly string[]): string {
  if (type === "") throw new CniError("invalidConfig", "no plugin name provided");
  if (type.includes("/") || type.includes("\0")) throw new CniError("invalidConfig", `invalid plugin name: ${type}`);
  if (folders.length === 0) throw new CniError("invalidEnvironment", "no paths provided", { details: "CNI_PATH" });
  const found = folders.map((folder) => path.join(folder, type)).find(isRegularFile);
  if (found !== undefined) return found;
  throw new CniError("delegateFailed", `failed to find plugin ${JSON.stringify(type)} in path [${folders.join(" ")}]`);
}

function isRegularFile(path: string): boolean {
  return ifPossible(() => fs.statSync(path).isFile()) ?? false;
}
