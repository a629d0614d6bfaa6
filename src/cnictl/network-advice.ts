import fs from "#fs";
import { findNearest } from "../cni/nearest.ts";
import type { NetworkNotFound } from "../runtime/load.ts";

/** What helps if no network has a name. */
export function adviceForNetwork({ sought, directory, found, files }: NetworkNotFound): string {
  const [file] = files;
  const correct = file === undefined ? [] : [`correct ${file}: \`cnictl validate ${file}\` examines it`];
  const meant = sought === undefined ? undefined : findNearest(sought, found);
  const question = meant === undefined ? "" : `did you mean "${meant}"? Otherwise `;
  if (found.length > 0)
    return [`${question}use one of the networks there: ${found.join(", ")}`, ...correct].join("; or ");
  if (correct.length > 0) return `${correct.join("")}; or set NETCONFPATH to another directory`;
  if (directory === undefined || fs.existsSync(directory))
    return "put a network list there, or set NETCONFPATH to its directory";
  return `${directory} does not exist: put a network list there, or set NETCONFPATH to the directory of lists`;
}
