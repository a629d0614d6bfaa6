import type { Launch } from "../cni/plugin-process.ts";
import type { Network } from "./network.ts";
import type { RuntimeConf } from "./runtime-conf.ts";

/** What the caller's side needs of the world. */
export interface Runtime {
  readonly launch: Launch;
  /** Directories in which plugins are looked for, in order. */
  readonly path: readonly string[];
  /** What plugins find in their environment besides the protocol's variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where results are kept, in the folder `results`. */
  readonly cacheDirectory: string;
  /** Takes a line that a plugin printed on its standard error. */
  readonly log: (line: string) => void;
}

/** One attachment on one network: the object of ADD, CHECK and DEL. */
export interface Target {
  readonly network: Network;
  readonly attachment: RuntimeConf;
}
