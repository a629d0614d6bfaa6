/** What the build puts together out of the tree: build/image-table.mjs. */
declare module "#image" {
  import type { Plugin } from "../cni/plugin.ts";
  import type { Host } from "../steps/host.ts";

  /** Each folder of plugins/, by its name. A plugin is loaded when it is read. */
  export const plugins: Readonly<Record<string, Plugin<Host> | undefined>>;
  /** The product's version. */
  export const version: string;
}
