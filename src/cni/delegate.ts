import type { Command } from "./environment.ts";
import { CniError } from "./error.ts";
import { parseJson } from "./json.ts";
import { type Launch, type Started, startPlugin } from "./plugin-process.ts";
import type { Request } from "./request.ts";
import type { Result } from "./result.ts";
import { parseDelegatedResult } from "./result-json.ts";

/** Which plugin is run with which verb, whether its input is held back, and how many milliseconds it may take. */
export interface DelegationOptions {
  readonly command: Command;
  readonly type: string;
  readonly held?: boolean;
  readonly deadline?: number;
}

/** A delegated call under way. All may be called again; the delegate is waited for once. */
export interface Delegation {
  /** Gives a held call its input: from now on the delegate acts. @throws CniError delegateFailed */
  begin(): void;
  /** Waits, and reads what the delegate printed. @throws CniError the delegate's own, delegateFailed or deadlineExceeded */
  result(): Result;
  /** Waits; what the delegate printed does not matter. @throws CniError as result() */
  done(): void;
  /** Drops a held call, and returns true: the delegate ends without having been told what to do. False, and nothing done, once it has begun. */
  abandon(): boolean;
}

/** A held call's standard input has to fit into a pipe; one that does not is started when it is to begin. */
const MAX_HELD = 65_536;

/**
 * Plugins of the CNI project that make interfaces. They have this call's input as well, so each as its IPAM plugin would run itself, and
 * that one itself again.
 */
const NO_IPAM = ["bridge", "dummy", "host-device", "ipvlan", "macvlan", "ptp", "tap", "vlan"];

/** Says to whatever a delegate runs whose call it serves: so a call that comes back to where it began, by a script or a copy of another name, is known. */
const SERVED = "CNI_IPAM_SERVES";

/**
 * Runs another plugin with this call's standard input and environment, all but CNI_COMMAND and a variable of our own. It is started at once and
 * runs while the caller goes on; with `held` it gets its input only when it is to begin or is waited for, which is also
 * when the caller is told that it cannot be run. One that is this very image is served in this process, once it is to begin.
 * Whatever it writes to standard error goes to the log. SPEC.md, "Delegated plugins"
 * One that would run itself without end holds nothing: DEL and GC pass over it. @throws CniError invalidConfig for the other verbs
 */
export function startDelegate(launch: Launch, request: Request, options: DelegationOptions): Delegation {
  const { command, type, held = false, deadline } = options;
  const { path, stdin, log, launchResident } = request;
  const served = `${request.network} ${request.containerId} ${request.ifname}`;
  if (NO_IPAM.includes(type) || request.environment[SERVED] === served) return passOver(command, type);
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
      if (!hasBegun) abandonEarly(early);
      return !hasBegun;
    },
  };
}

/** Runs `run`; where it throws, a held call that has not begun is dropped. */
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

function abandonEarly(early: (() => Started) | undefined): void {
  try {
    early?.().abandon();
  } catch {
    // It never ran.
  }
}

/** The same function, run no more than once: later calls have the first one's outcome. */
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
