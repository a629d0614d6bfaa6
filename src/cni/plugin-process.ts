import { pause } from "../platform/pause.ts";
import type { Environment } from "./environment.ts";
import { CniError, reasonOf } from "./error.ts";
import { decodeFailure, type Exit, relay } from "./exit.ts";
import { findPlugin } from "./find-plugin.ts";

/** A running child process. */
export interface Child {
  /** Gives it the input that was held back; again is fine. */
  begin(): void;
  /** Waits for the end. @throws Error with a `code` as in errno, ETIMEDOUT where the deadline passed */
  wait(): Exit;
  /** Kills it instead. */
  abandon(): void;
}

/** How a child process is started. */
export interface LaunchOptions {
  readonly environment: Environment;
  readonly stdin: Uint8Array;
  /** Keeps `stdin` back until the child is to begin, or is waited for. */
  readonly held?: boolean;
  /** Milliseconds from the start until the child is killed. */
  readonly deadline: number;
  /** Bytes that it may print to each of its two streams. */
  readonly maxOutput: number;
}

/** Starts an executable without arguments and returns while it runs. @throws Error with a `code` as in errno */
export type Launch = (executable: string, options: LaunchOptions) => Child;

/** A delegate has a minute, in milliseconds, unless told otherwise: longer than any lock is waited for, shorter than a runtime's own limit of two. */
const DEADLINE = 60_000;

/** An executable that is being replaced in place has five seconds, in milliseconds. */
const WRITTEN_WITHIN = 5_000;

/** A result is a few kilobytes; whatever prints megabytes is out of order. */
const MAX_OUTPUT = 4 * 1024 * 1024;

/** A plugin's process: where it is looked for, and what it is told. */
export interface PluginProcess {
  readonly type: string;
  readonly path: readonly string[];
  readonly environment: Environment;
  readonly stdin: Uint8Array;
  /** Takes each line that it writes to standard error. */
  readonly log: (line: string) => void;
  readonly held?: boolean;
  /** Milliseconds after which it is killed. */
  readonly deadline?: number;
}

/** A plugin that was started. */
export interface Started {
  /** Gives it the input that was held back; again is fine. */
  begin(): void;
  /** Waits for its end and returns what it printed. @throws CniError the plugin's own, delegateFailed or deadlineExceeded */
  finish(): Uint8Array;
  /** Kills it. */
  abandon(): void;
}

/** Starts a plugin, which runs while the caller goes on. @throws CniError delegateFailed */
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

/** An executable that is being written cannot be run (ETXTBSY), but a moment later; the reference tries again as well. */
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
