/** What the build puts together out of the tree: build/image-table.mjs. */
declare module "#image" {
  import type { Plugin } from "../cni/plugin.ts";

  /** Each folder of plugins/, by its name. A plugin is loaded when it is read. */
  export const plugins: Readonly<Record<string, Plugin | undefined>>;
  /** The product's version. */
  export const version: string;
}
