import { statSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "./error.ts";

/**
 * The executable of a plugin: the first regular file of that name in the folders, symbolic links followed; whether it
 * may be executed is not asked. @throws CniError invalidConfig for a name that is none, delegateFailed where there is no such file
 */
export function findPlugin(type: string, path: readonly string[]): string {
  if (type === "") throw new CniError("invalidConfig", "no plugin name provided");
  if (type.includes("/") || type.includes("\0")) throw new CniError("invalidConfig", `invalid plugin name: ${type}`);
  if (path.length === 0) throw new CniError("invalidEnvironment", "no paths provided", { details: "CNI_PATH" });
  const found = path.map((folder) => join(folder, type)).find(isRegularFile);
  if (found !== undefined) return found;
  throw new CniError("delegateFailed", `failed to find plugin ${JSON.stringify(type)} in path [${path.join(" ")}]`);
}

function isRegularFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
