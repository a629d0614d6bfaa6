import fs from "#fs";
import path from "#path";
import { nameBuild } from "./build-name.ts";
import { formatCall, quoteWord } from "./call-text.ts";
import type { Build, Edge } from "./edge.ts";
import type { Plan } from "./installation-plan.ts";

/** What an installation did, one entry for each line. */
export function describePlan(
  build: Build,
  directory: string,
  { changing, current, foreign, previous }: Plan,
): readonly string[] {
  const name = ` (${nameBuild(build)})`;
  const rollback = formatCall("install", { rollback: true, dir: directory });
  return [
    ...(foreign.length === 0 ? [] : [`replaced what was not from cnictl install: ${foreign.join(", ")}`]),
    ...(changing.length === 0 ? [] : [`${changing.join(", ")}${name}`]),
    ...(current.length === 0 ? [] : [`unchanged: ${current.join(", ")}${name}`]),
    ...(previous === undefined ? [] : [`${rollback} brings back what was there`]),
  ];
}

/** How a shell finds the cnictl of the folder, in one line; none if it finds one already. */
export function describePath({ environment }: Pick<Edge, "environment">, directory: string): readonly string[] {
  if (!fs.existsSync(path.join(directory, "cnictl"))) return [];
  const folders = (environment["PATH"] ?? "").split(":").filter((folder) => folder !== "");
  if (folders.some((folder) => fs.existsSync(path.join(folder, "cnictl")))) return [];
  return [`cnictl is not in PATH: PATH=$PATH:${quoteWord(directory)}`];
}
