import { type CallTrace, roundTime, type TracedCall, type TracedInput } from "../cni/call-trace.ts";
import type { Edge } from "../cni/edge.ts";
import { reasonOf } from "../cni/error.ts";
import type { Exit } from "../cni/exit.ts";
import { parseJson } from "../cni/json.ts";
import type { Child, Launch, LaunchOptions } from "../cni/plugin-process.ts";
import { type FindPlugin, processEdge, residentLauncher } from "../cni/process.ts";
import type { TraceListener } from "../cnictl/edge.ts";
import { launch } from "../linux/process.ts";
import type { Host } from "../steps/host.ts";
import { observe } from "./observation.ts";

/** The image's plugins, and the file that configures the log of calls, if there is one. */
export interface TracedImage extends Pick<Edge, "isOwnNetns"> {
  readonly find: FindPlugin<Host>;
  readonly log: string | undefined;
}

/**
 * Starts plugins and tells of their calls. A plugin of this very image runs in this process, as a delegate does, where its steps can be
 * seen; of any other plugin, only what goes in and comes out.
 */
export function traceLaunch({ find, isOwnNetns, log }: TracedImage, { began, ended }: TraceListener): Launch {
  const traces: CallTrace[] = [];
  const takeTrace = () => traces.pop();
  const attach = (call: TracedCall, start: number) => current()?.add(call, start);
  const launchDelegate: Launch = (executable, options) =>
    watch(() => launch(executable, options), { executable, options, ended: attach });
  const observation = observe({ log, launch: launchDelegate, ended: (trace) => void traces.push(trace) });
  const { current, withHost, beginRecord } = observation;
  const edge: Edge = { ...processEdge(), isOwnNetns, beginRecord };
  const launchInside = residentLauncher(edge, { withHost, find });
  const launchResident: Edge["launchResident"] = (executable, options) => {
    const child = launchInside(executable, options);
    return child && watch(() => child, { executable, options, takeTrace, ended: attach });
  };
  const launchOwn = residentLauncher({ ...edge, launchResident }, { withHost, find });
  return (executable, options) => {
    began(describeInput(executable, options));
    const child = launchOwn(executable, options);
    if (child !== undefined) return watch(() => child, { executable, options, takeTrace, ended });
    return watch(() => launch(executable, options), { executable, options, ended });
  };
}

interface Watched {
  readonly executable: string;
  readonly options: LaunchOptions;
  /** The trace of the call that has just ended; absent if it is another process. */
  readonly takeTrace?: () => CallTrace | undefined;
  readonly ended: (call: TracedCall, start: number) => void;
}

/** Starts a child, whose call is told of when it has been waited for, or could not be started. */
function watch(start: () => Child, { executable, options, takeTrace, ended }: Watched): Child {
  let began = performance.now();
  let trace: CallTrace | undefined;
  let milliseconds: number | undefined;
  const run = <T>(act: () => T): T => {
    try {
      return act();
    } finally {
      trace ??= takeTrace?.();
      if (trace !== undefined) milliseconds ??= performance.now() - began;
    }
  };
  const tell = (outcome: Pick<TracedCall, "failure"> | Exit) => {
    const elapsed = milliseconds ?? performance.now() - began;
    const details = trace && { phases: trace.phases(elapsed), steps: trace.steps() };
    const call = { ...describeInput(executable, options), milliseconds: roundTime(elapsed), ...details };
    ended({ ...call, ...describeOutcome(outcome) }, began);
  };
  const orTell = <T>(act: () => T): T => {
    try {
      return act();
    } catch (error) {
      tell({ failure: reasonOf(error) });
      throw error;
    }
  };
  const child = orTell(start);
  return {
    begin: () => {
      if (trace === undefined && options.held === true) began = performance.now();
      run(child.begin);
    },
    wait: () => {
      const exit = orTell(() => run(child.wait));
      tell(exit);
      return exit;
    },
    abandon: child.abandon,
  };
}

function describeInput(executable: string, { environment, stdin }: LaunchOptions): TracedInput {
  const plugin = executable.slice(executable.lastIndexOf("/") + 1);
  return { plugin, command: environment["CNI_COMMAND"] ?? "", executable, input: parseOrText(stdin) };
}

type Outcome = Omit<TracedCall, keyof TracedInput | "milliseconds">;

function describeOutcome(outcome: Pick<TracedCall, "failure"> | Exit): Outcome {
  if (!("stdout" in outcome)) return { output: undefined, stderr: "", ...outcome };
  const { status, signal, stdout, stderr } = outcome;
  return { output: parseOrText(stdout), stderr: new TextDecoder().decode(stderr), exitCode: status, signal };
}

/** JSON as a value, anything else as text; undefined if it is empty. */
function parseOrText(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return parseJson(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}
