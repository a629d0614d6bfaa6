import fs from "#fs";

/** The inode of the network namespace at the path, which is its identity while it lives; "" where there is none. namespaces(7) */
export function identifyNetns(path: string): string {
  if (path === "") return "";
  try {
    const found = fs.statSync(path);
    return found.dev === deviceOfNamespaces() ? String(found.ino) : "";
  } catch {
    return "";
  }
}

/** The device of the file system that namespaces are files of. */
export function deviceOfNamespaces(): number {
  return fs.statSync("/proc/self/ns/net").dev;
}
