import fs from "#fs";
import path from "#path";
import { CniError } from "../cni/error.ts";
import { findPlugin } from "../cni/find-plugin.ts";
import { findNearest } from "../cni/nearest.ts";
import { ifPossible, succeeds } from "../platform/outcome.ts";
import type { Surroundings } from "./own-directory.ts";
import { pluginDirectories } from "./target.ts";

/** What helps if a message says that CNI_PATH has no plugin of a type; undefined if it does not say so. */
export function adviceForMissing(edge: Surroundings, message: string): string | undefined {
  const [, type] = /failed to find plugin "(.*?)"/.exec(message) ?? [];
  return type === undefined ? undefined : adviceForPlugin(edge, type);
}

function adviceForPlugin(edge: Surroundings, type: string): string {
  const meant = nearestPlugin(edge, type);
  if (meant !== undefined) return `did you mean "${meant}"?`;
  const other = pluginDirectories({ ...edge, environment: {} }).find((folder) => isIn(folder, type));
  if (other !== undefined) return `${other} has it: set CNI_PATH to that, or do not set it`;
  const where = "set CNI_PATH to its directory";
  if (edge.build.names.includes(type)) return `install it with \`cnictl install\`, or ${where}`;
  return `"${type}" is not part of this project: install it from where it comes from, or ${where}`;
}

/** What helps if the executable of a plugin prints no result. */
export function adviceForOutput(edge: Surroundings, type: string): string {
  const file = pluginDirectories(edge)
    .map((folder) => path.join(folder, type))
    .find((each) => fs.existsSync(each));
  return `${file ?? type} printed no result: replace it by an executable that works`;
}

/** The plugin that a misspelt type means, of this project or of CNI_PATH; undefined if none is close, or it is a plugin of the project. */
export function nearestPlugin(edge: Surroundings, type: string): string | undefined {
  const own = edge.build.names.filter((name) => name !== "cnictl");
  if (own.includes(type)) return undefined;
  return findNearest(type, [...own, ...pluginDirectories(edge).flatMap(namesIn)]);
}

function isIn(folder: string, type: string): boolean {
  return succeeds([CniError], () => findPlugin(type, [folder]));
}

function namesIn(folder: string): readonly string[] {
  return ifPossible(() => fs.readdirSync(folder)) ?? [];
}
