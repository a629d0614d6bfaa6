import fs from "#fs";
import path from "#path";

/** Where the tools of netfilter are, besides PATH: a runtime's service may have a short one. */
const FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"];

/**
 * The first of the names that is an executable in PATH or a usual folder; undefined where none is. A part of PATH that is no absolute
 * path is left out.
 */
export function findExecutable(
  names: readonly string[],
  environment: Readonly<Record<string, string>>,
): string | undefined {
  const folders = (environment["PATH"] ?? "").split(":").filter((folder) => folder.startsWith("/"));
  return names.flatMap((name) => [...folders, ...FOLDERS].map((folder) => path.join(folder, name))).find(isExecutable);
}

/** Says where a tool is not. */
export function describeMissing(name: string): string {
  return `${name} is neither in PATH nor in ${FOLDERS.join(", ")}`;
}

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}
