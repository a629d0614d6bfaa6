/** The module that the build generates from the source tree: build/image-table.mjs. */
declare module "#image" {
  import type { Plugin } from "../cni/plugin.ts";
  import type { Host } from "../steps/host.ts";

  /** Each folder of plugins/ by name. Reading a plugin loads it. */
  export const plugins: Readonly<Record<string, Plugin<Host> | undefined>>;
  /** What the image was made of: the product's version, the commit and its day (both empty outside a clone), the engine. */
  export const build: Readonly<Record<"version" | "commit" | "date" | "engine", string>>;
}
