import fs from "#fs";
import path from "#path";
import { ifPossible } from "../platform/outcome.ts";
import type { Build, Edge } from "./edge.ts";
import { PLUGIN_DIRECTORY } from "./option.ts";

/** What decides where plugins are looked for. */
export interface Surroundings extends Pick<Edge, "environment"> {
  readonly build: Pick<Build, "executable" | "names">;
}

/**
 * The folder of the running image, such as a package's, in which plugins are searched too if CNI_PATH is not set. undefined if it is set,
 * if the folder has no plugin of this image, if it is the default one, or if it cannot be found. Other commands may be in it.
 */
export function findOwnDirectory({ environment, build }: Surroundings): string | undefined {
  if ((environment["CNI_PATH"] ?? "") !== "") return undefined;
  // Without /proc, or after the image was replaced, nothing tells where it is.
  const directory = ifPossible(() => path.dirname(fs.realpathSync(build.executable)));
  if (directory === undefined || directory === ifPossible(() => fs.realpathSync(PLUGIN_DIRECTORY))) return undefined;
  const plugins = build.names.filter((name) => name !== "cnictl");
  return plugins.some((name) => fs.existsSync(path.join(directory, name))) ? directory : undefined;
}
