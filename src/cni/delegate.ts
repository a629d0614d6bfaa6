import { ifPossible } from "../platform/outcome.ts";
import type { Command } from "./environment.ts";
import { CniError } from "./error.ts";
import { parseJson } from "./json.ts";
import { type Launch, startPlugin } from "./plugin-process.ts";
import type { Request } from "./request.ts";
import type { Result } from "./result.ts";
import { parseDelegatedResult } from "./result-json.ts";

/** The plugin and verb to run, whether its input is held back, and its time limit in milliseconds. */
export interface DelegationOptions {
  readonly command: Command;
  readonly type: string;
  readonly held?: boolean;
  readonly deadline?: number;
}

/** A delegated call that is running. Each method may be called again; the delegate is waited for once. */
export interface Delegation {
  /** Sends a held call its input, which lets the delegate act. @throws CniError delegateFailed */
  begin(): void;
  /** Waits for the delegate and reads its result. @throws CniError the delegate's own, delegateFailed or deadlineExceeded */
  result(): Result;
  /** Waits for the delegate and ignores its output. @throws CniError as result() */
  done(): void;
  /**
   * Cancels a held call and returns true: the delegate ends without having received its input. Does nothing and returns false if it
   * has begun.
   */
  abandon(): boolean;
}

/** A held call's input must fit into a pipe. A call with a longer input starts only when it begins. */
const MAX_HELD = 65_536;

/**
 * Interface plugins of the CNI project, which call the plugin of `ipam.type`. A delegate gets this call's input, so one of these that
 * is named as IPAM plugin would run itself without end.
 */
export const INTERFACE_PLUGINS: readonly string[] = [
  "bridge",
  "dummy",
  "host-device",
  "ipvlan",
  "macvlan",
  "ptp",
  "tap",
  "vlan",
];

/**
 * The variable that tells a delegate which call it serves. It reveals a call that comes back to its start through a script or a copy
 * under another name.
 */
const SERVED = "CNI_IPAM_SERVES";

/**
 * Runs another plugin with this call's standard input and environment, except CNI_COMMAND and one variable of our own. The plugin
 * starts at once and runs in parallel. With `held` it gets its input only on begin(), result() or done(), and the caller learns only
 * then that it cannot be run. A plugin of this very image is served in this process once it begins. The delegate's stderr goes to the
 * log. SPEC.md, "Delegated plugins". DEL and GC skip a delegate that would run itself without end, because it holds nothing.
 * @throws CniError invalidConfig for other verbs
 */
export function startDelegate(launch: Launch, request: Request, options: DelegationOptions): Delegation {
  const { command, type, held = false, deadline } = options;
  const { path, stdin, log, launchResident } = request;
  const served = `${request.network} ${request.containerId} ${request.ifname}`;
  if (INTERFACE_PLUGINS.includes(type) || request.environment[SERVED] === served) return passOver(command, type);
  const environment = { ...request.environment, CNI_COMMAND: command, [SERVED]: served };
  const launchAny: Launch = (executable, launched) =>
    launchResident?.(executable, launched) ?? launch(executable, launched);
  const start = () =>
    startPlugin(launchAny, { type, path, environment, stdin, log, held, ...(deadline !== undefined && { deadline }) });
  const early = held && stdin.length > MAX_HELD ? undefined : capture(start);
  if (!held) early?.();
  let hasBegun = false;
  const begin = once(() => {
    const started = (early ?? start)();
    hasBegun = true;
    started.begin();
    return started;
  });
  const finish = once(() => begin().finish());
  return {
    begin: () => void begin(),
    result: () => decodeResult(finish(), type, request),
    done: () => void finish(),
    abandon: () => {
      // A call that cannot be abandoned never started.
      if (!hasBegun) ifPossible(() => early?.().abandon());
      return !hasBegun;
    },
  };
}

/** Runs `run`; if it throws, cancels a held call that has not begun. */
export function orAbandon<T>(delegation: Delegation | undefined, run: () => T): T {
  try {
    return run();
  } catch (error) {
    delegation?.abandon();
    throw error;
  }
}

function passOver(command: Command, type: string): Delegation {
  if (command !== "DEL" && command !== "GC") {
    const message = `Cannot use ipam.type ${JSON.stringify(type)}: it would call itself without end`;
    throw new CniError("invalidConfig", message, {
      details: "it gives no addresses: name an IPAM plugin, such as host-local",
    });
  }
  return {
    begin: () => {},
    result: () => ({ interfaces: [], ips: [], routes: [], dns: {} }),
    done: () => {},
    abandon: () => true,
  };
}

/** A function that calls `run` at most once: later calls return the first call's outcome. */
function once<T>(run: () => T): () => T {
  let outcome: (() => T) | undefined;
  return () => {
    outcome ??= capture(run);
    return outcome();
  };
}

function capture<T>(run: () => T): () => T {
  try {
    const value = run();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function decodeResult(stdout: Uint8Array, type: string, request: Request): Result {
  try {
    return parseDelegatedResult(parseJson(stdout), request.version);
  } catch (error) {
    if (!(error instanceof CniError || error instanceof SyntaxError)) throw error;
    throw new CniError("delegateFailed", `Cannot read the result of plugin "${type}": ${error.message}`, {
      cause: error,
    });
  }
}
