import fs from "#fs";
import path from "#path";

/** Usual folders of the netfilter tools. They are searched after PATH, because a runtime's service may have a short PATH. */
const FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"];

/**
 * The first of the names that is an executable in PATH or in a usual folder; undefined if there is none. Parts of PATH that are not
 * absolute paths are ignored.
 */
export function findExecutable(
  names: readonly string[],
  environment: Readonly<Record<string, string>>,
): string | undefined {
  const folders = (environment["PATH"] ?? "").split(":").filter((folder) => folder.startsWith("/"));
  return names.flatMap((name) => [...folders, ...FOLDERS].map((folder) => path.join(folder, name))).find(isExecutable);
}

/** Describes where a missing tool was searched. */
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
