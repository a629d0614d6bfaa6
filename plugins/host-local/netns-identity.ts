import fs from "#fs";

/**
 * The inode of the network namespace at the path, which identifies it while it exists; "" if there is none. `device` is that of the
 * namespaces, for a caller with many paths. namespaces(7)
 */
export function identifyNetns(path: string, device?: number): string {
  if (path === "") return "";
  try {
    const found = fs.statSync(path);
    return found.dev === (device ?? deviceOfNamespaces()) ? String(found.ino) : "";
  } catch {
    return "";
  }
}

/** The device number of the file system with the namespace files. */
export function deviceOfNamespaces(): number {
  return fs.statSync("/proc/self/ns/net").dev;
}
