import type { FilePath } from "./file-path.ts";

/** Paths like node:path on Linux. */
const paths: FilePath = {
  join: (...parts) => normalize(parts.filter((part) => part !== "").join("/")),
  resolve: (...parts) => {
    const start = parts.findLastIndex((part) => part.startsWith("/"));
    const path = normalize(
      parts
        .slice(Math.max(start, 0))
        .filter((part) => part !== "")
        .join("/"),
    );
    return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
  },
  dirname: (path) => {
    const trimmed = trimEnd(path);
    const end = trimmed.lastIndexOf("/");
    if (end === -1) return path.startsWith("/") ? "/" : ".";
    // For "//a", node:path returns "//", as POSIX's dirname(3) allows.
    if (end === 0) return "/";
    return end === 1 && trimmed.startsWith("//") ? "//" : trimmed.slice(0, end);
  },
  basename: (path) => {
    const trimmed = trimEnd(path);
    return trimmed.slice(trimmed.lastIndexOf("/") + 1);
  },
};

export default paths;

/** Resolves "." and ".." as far as possible and removes doubled slashes. A slash at the end stays. */
function normalize(path: string): string {
  if (path === "") return ".";
  const isAbsolute = path.startsWith("/");
  const joined = walk(path, isAbsolute).join("/");
  const end = path.endsWith("/") ? "/" : "";
  if (joined === "") return isAbsolute ? "/" : `.${end}`;
  return `${isAbsolute ? "/" : ""}${joined}${end}`;
}

/** The resolved names of a path. The root has no parent. */
function walk(path: string, isAbsolute: boolean): readonly string[] {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") names.push(name);
    else if (names.length > 0 && names.at(-1) !== "..") names.pop();
    else if (!isAbsolute) names.push(name);
  }
  return names;
}

function trimEnd(path: string): string {
  return path.replace(/\/+$/, "");
}
