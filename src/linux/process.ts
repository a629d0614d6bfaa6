import { type Child, type LaunchOptions, startChild } from "./child.ts";

/**
 * startChild() for whoever hands it on: most calls of a plugin start no process, for the plugin that they call is the image that runs,
 * and what it takes is loaded only by one that does.
 */
export function launch(executable: string, options: LaunchOptions): Child {
  return startChild(executable, options);
}
