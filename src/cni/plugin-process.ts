import { pause } from "../platform/pause.ts";
import type { Environment } from "./environment.ts";
import { CniError, reasonOf } from "./error.ts";
import { decodeFailure, type Exit, relay } from "./exit.ts";
import { findPlugin } from "./find-plugin.ts";

/** A running child process. */
export interface Child {
  /** Sends the child its held input. A second call does nothing. */
  begin(): void;
  /** Waits until the child ends. @throws Error with a `code` as in errno, ETIMEDOUT if the deadline passed */
  wait(): Exit;
  /** Kills the child. */
  abandon(): void;
}

/** How a child process is started. */
export interface LaunchOptions {
  readonly environment: Environment;
  readonly stdin: Uint8Array;
  /** Holds `stdin` back until begin() or wait(). */
  readonly held?: boolean;
  /** Milliseconds from the start until the child is killed. */
  readonly deadline: number;
  /** The limit in bytes for each of its two output streams. */
  readonly maxOutput: number;
}

/** Starts an executable without arguments and returns while it runs. @throws Error with a `code` as in errno */
export type Launch = (executable: string, options: LaunchOptions) => Child;

/**
 * The default deadline of a delegate in milliseconds. It is longer than any wait for a lock, and shorter than a runtime's own limit of
 * two minutes.
 */
const DEADLINE = 60_000;

/** How long in milliseconds an executable may be busy because it is being replaced in place. */
const WRITTEN_WITHIN = 5_000;

/** The limit of a plugin's output. A result is a few kilobytes. */
const MAX_OUTPUT = 4 * 1024 * 1024;

/** A plugin to run: where to find it, and its input. */
export interface PluginProcess {
  readonly type: string;
  readonly path: readonly string[];
  readonly environment: Environment;
  readonly stdin: Uint8Array;
  /** Receives each line that the plugin writes to standard error. */
  readonly log: (line: string) => void;
  readonly held?: boolean;
  /** Milliseconds until the plugin is killed. */
  readonly deadline?: number;
}

/** A plugin that was started. */
export interface Started {
  /** Sends the plugin its held input. A second call does nothing. */
  begin(): void;
  /** Waits until the plugin ends and returns its output. @throws CniError the plugin's own, delegateFailed or deadlineExceeded */
  finish(): Uint8Array;
  /** Kills the plugin. */
  abandon(): void;
}

/** Starts a plugin, which runs in parallel to the caller. @throws CniError delegateFailed */
export function startPlugin(launch: Launch, process: PluginProcess): Started {
  const { environment, stdin, held = false, deadline = DEADLINE } = process;
  const executable = findPlugin(process.type, process.path);
  const options = { environment, stdin, held, deadline, maxOutput: MAX_OUTPUT };
  const child = guard(process, () => launchWhenWritten(() => launch(executable, options)));
  return {
    begin: () => child.begin(),
    finish: () => readOutput(child, process),
    abandon: () => child.abandon(),
  };
}

function readOutput(child: Child, process: PluginProcess): Uint8Array {
  const exit = guard(process, () => child.wait());
  if (exit.stderr.length > 0) relay(exit.stderr, process.log);
  if (exit.status !== 0) throw decodeFailure(exit, process.type);
  return exit.stdout;
}

/** An executable that is being written fails with ETXTBSY and can be run a moment later. The reference also tries again. */
function launchWhenWritten(launch: () => Child): Child {
  const end = Date.now() + WRITTEN_WITHIN;
  for (;;) {
    try {
      return launch();
    } catch (error) {
      if (!hasCode(error, "ETXTBSY") || Date.now() > end) throw error;
      pause(50);
    }
  }
}

function guard<T>({ type, deadline = DEADLINE }: PluginProcess, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof CniError) throw error;
    if (hasCode(error, "ETIMEDOUT")) {
      const message = `Cannot wait longer for plugin "${type}": it did not end within ${deadline / 1000} s`;
      throw new CniError("deadlineExceeded", message, { cause: error });
    }
    throw new CniError("delegateFailed", `Cannot run plugin "${type}": ${reasonOf(error)}`, { cause: error });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
