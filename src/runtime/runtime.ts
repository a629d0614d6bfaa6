import type { Launch } from "../cni/plugin-process.ts";
import type { Network } from "./network.ts";
import type { RuntimeConf } from "./runtime-conf.ts";

/** The environment of a caller of plugins. */
export interface Runtime {
  readonly launch: Launch;
  /** The directories of the plugins, in search order. */
  readonly path: readonly string[];
  /** The plugins' environment besides the protocol's variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** The directory of the cache, which stores results in the folder `results`. */
  readonly cacheDirectory: string;
  /** Milliseconds until a plugin is killed. Default: two minutes. */
  readonly deadline?: number;
  /** Receives each line that a plugin writes to standard error. */
  readonly log: (line: string) => void;
}

/** One attachment on one network: the object of ADD, CHECK and DEL. */
export interface Target {
  readonly network: Network;
  readonly attachment: RuntimeConf;
}
