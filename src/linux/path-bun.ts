import type { FilePath } from "./file-path.ts";

/** A part of a path that leads nowhere or up. */
const UNUSUAL = /(^|\/)\.{1,2}(\/|$)/;

/** Plain paths as node:path would treat them; what has to be worked out is left to node:path. */
const paths: FilePath = {
  join: (...parts) => {
    const joined = parts.filter((part) => part !== "").join("/");
    if (joined === "" || UNUSUAL.test(joined)) return nodePath().join(...parts);
    return joined.replaceAll(/\/+/g, "/");
  },
  dirname: (path) => {
    const end = path.lastIndexOf("/");
    return end <= 0 || path.endsWith("/") || path.includes("//") ? nodePath().dirname(path) : path.slice(0, end);
  },
  basename: (path) => (path.endsWith("/") ? nodePath().basename(path) : path.slice(path.lastIndexOf("/") + 1)),
};

export default paths;

function nodePath(): FilePath {
  return process.getBuiltinModule("node:path");
}
