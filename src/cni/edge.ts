import type { Environment } from "./environment.ts";
import type { AwaitLock, LaunchResident } from "./request.ts";

/** A program's access to its process. */
export interface ProcessEdge {
  readonly environment: Environment;
  /** All of standard input. */
  readStdin(): Uint8Array;
  writeOut(text: string): void;
  writeErr(text: string): void;
}

/** A command line tool's access to its process. */
export interface ToolEdge extends ProcessEdge {
  /** Arguments after the command's own name. */
  readonly args: readonly string[];
  /** The working directory. */
  readonly directory: string;
}

/** A plugin's access to its process. */
export interface Edge extends ProcessEdge {
  /** Whether the path leads to the network namespace of this process; false if it leads to none. */
  isOwnNetns(path: string): boolean;
  /**
   * Serves another plugin of this very image in this process; undefined for any other executable. If it is absent, every plugin is
   * started.
   */
  readonly launchResident?: LaunchResident;
  readonly awaitLock?: AwaitLock;
  /** Begins the record of a call for the log; undefined while nothing is logged. */
  readonly beginRecord?: (plugin: string, edge: Edge) => LoggedCall | undefined;
}

/** A call that is being logged. */
export interface LoggedCall {
  /** The call's edge, which keeps what is read and written. */
  readonly edge: Edge;
  /** Writes the record. Never throws: a log that cannot be written fails no call. */
  readonly finish: (code: number) => void;
}
