import { beginTrace, type CallTrace } from "../cni/call-trace.ts";
import type { Launch } from "../cni/plugin-process.ts";
import type { PluginSurroundings } from "../cni/process.ts";
import type { AwaitLock } from "../cni/request.ts";
import { launch } from "../linux/process.ts";
import { type Host, withHost } from "../steps/host.ts";
import { describeFailure, traceHost } from "../steps/traced-host.ts";
import { beginRecord } from "./call-log.ts";

/** What becomes of the calls that this process serves. */
export interface Observer {
  /** The file that configures the log; undefined without a log. */
  readonly log: string | undefined;
  /** Starts the plugins that a call delegates to and that are processes of their own. */
  readonly launch: Launch;
  /** Receives the trace of each call at its end. */
  readonly ended?: (trace: CallTrace) => void;
}

/** The machine and the record of calls, for runPlugin. */
export type Observation = Required<Pick<PluginSurroundings<Host>, "withHost" | "beginRecord">> & {
  /** The innermost call that is being served: a plugin serves others while it waits for them. */
  readonly current: () => CallTrace | undefined;
};

/** Observes this process's calls for the log that the file `log` configures. */
export function observeForLog(log: string): Observation {
  return observe({ log, launch });
}

/** Gives each call a host that traces it. */
export function observe(observer: Observer): Observation {
  const running: CallTrace[] = [];
  const current = () => running.at(-1);
  return {
    current,
    beginRecord: (plugin, edge) => {
      const trace = beginTrace(describeFailure);
      running.push(trace);
      const logged = observer.log === undefined ? undefined : beginRecord(plugin, edge, { file: observer.log, trace });
      const finish = (code: number) => {
        running.pop();
        logged?.finish(code);
        observer.ended?.(trace);
      };
      const awaitLock: AwaitLock = (action) => trace.open({ phase: "locks", kind: "flock", action }).start();
      return { edge: { ...(logged?.edge ?? edge), awaitLock }, finish };
    },
    withHost: (act) => {
      const trace = current();
      return trace === undefined ? withHost(act) : withTracedHost(trace, observer.launch, act);
    },
  };
}

function withTracedHost<T>(trace: CallTrace, launchPlugin: Launch, act: (host: Host) => T): T {
  let closed: (() => void) | undefined;
  try {
    return withHost((host) => {
      try {
        return act(traceHost(host, trace));
      } finally {
        closed = trace.spend("closing");
      }
    }, launchPlugin);
  } finally {
    closed?.();
  }
}
