import fs from "#fs";
import path from "#path";
import type { Edge } from "./edge.ts";
import { PLUGIN_DIRECTORY } from "./option.ts";

/**
 * The folder of the running image, such as a package's, in which plugins are searched too if CNI_PATH is not set. undefined if it is set,
 * if the folder has no plugin of this image, if it is the default one, or if it cannot be found. Other commands may be in it.
 */
export function findOwnDirectory({ environment, build }: Pick<Edge, "environment" | "build">): string | undefined {
  if ((environment["CNI_PATH"] ?? "") !== "") return undefined;
  try {
    const directory = path.dirname(fs.realpathSync(build.executable));
    const plugins = build.names.filter((name) => name !== "cnictl");
    const hasPlugin = plugins.some((name) => fs.existsSync(path.join(directory, name)));
    return hasPlugin && directory !== realpathOf(PLUGIN_DIRECTORY) ? directory : undefined;
  } catch {
    // Without /proc, or after the image was replaced, nothing tells where it is.
    return undefined;
  }
}

/** Undefined if nothing is there. */
function realpathOf(directory: string): string | undefined {
  return fs.existsSync(directory) ? fs.realpathSync(directory) : undefined;
}
