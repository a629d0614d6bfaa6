import { type Child, type LaunchOptions, startChild } from "./child.ts";

/**
 * startChild(), loaded at its first use. Most calls of a plugin start no process, because the plugins that they call are in the
 * running image, and then need none of the modules behind it.
 */
export function launch(executable: string, options: LaunchOptions): Child {
  return startChild(executable, options);
}
