/**
 * What a plugin spends its time on: waiting for the IPAM plugin; the kernel's answers about links, addresses, routes, traffic control
 * (`shaping`) and netfilter, with the commands of iptables and nft; kernel parameters; waiting for locks, and for events of the kernel
 * (a port comes up, an address becomes usable); closing sockets, which may wait until deleted rules are out of use. `other` is the
 * rest: the plugin's own work and its files.
 */
export const PHASES = [
  "ipam",
  "links",
  "addresses",
  "routes",
  "shaping",
  "netfilter",
  "sysctls",
  "locks",
  "events",
  "closing",
  "other",
] as const;

export type Phase = (typeof PHASES)[number];

/** Milliseconds by phase, in the order of PHASES, without phases that took no time. Together they are the time of the call. */
export type Phases = Readonly<Partial<Record<Phase, number>>>;

/** What the kernel or a command answered besides success. */
export interface Refusal {
  /** The name of the error number, such as "EEXIST". */
  readonly errno?: string;
  /** What it means; empty for a warning of a request that succeeded. */
  readonly message: string;
  /** The kernel's own text. NLMSGERR_ATTR_MSG, <linux/netlink.h> */
  readonly kernel?: string | undefined;
  /** It answers a question, such as whether a link exists. */
  readonly expected?: true;
}

/** One request of a netlink transaction. */
export interface StepRequest {
  readonly kind: string;
  readonly action: string;
  readonly error?: Refusal;
}

/** The subject of a step: what was asked, in the kernel's word for it and in words that follow "Cannot". */
export interface Subject {
  readonly phase: Phase;
  readonly kind: string;
  readonly action: string;
  /** It was asked inside the container's namespace. */
  readonly inside?: boolean;
}

/** One request, lock, wait or command of a call, or the call of another plugin. Times are in milliseconds. */
export interface Step extends Subject {
  /** When it began, since the plugin began. */
  readonly at: number;
  readonly milliseconds: number;
  readonly error?: Refusal;
  /** The requests of a transaction. */
  readonly requests?: readonly StepRequest[];
  readonly call?: TracedCall;
}

/** The beginning of a plugin's call. */
export interface TracedInput {
  readonly plugin: string;
  readonly command: string;
  readonly executable: string;
  /** Standard input: JSON, or the text if it is none; undefined if it is empty. */
  readonly input: unknown;
}

/** A plugin's call. */
export interface TracedCall extends TracedInput {
  readonly milliseconds: number;
  /** Standard output, as `input`. */
  readonly output: unknown;
  readonly stderr: string;
  readonly exitCode?: number | undefined;
  readonly signal?: number | undefined;
  /** Why it could not be started or waited for. */
  readonly failure?: string;
  /** Of a plugin in the observer's own image. */
  readonly phases?: Phases;
  readonly steps?: readonly Step[];
}

/** A step that may go on in parts. */
export interface OpenStep {
  /** Adds a part. Returns the function that ends it, with the error that it ended with; a second call does nothing. */
  readonly start: () => (error?: unknown) => void;
  /** Adds a part: `run`. */
  readonly run: <T>(run: () => T) => T;
  readonly refuse: (error: Refusal) => void;
}

/** A part of a step that already has an end: the requests of a transaction, or another plugin's call. */
export type Detail = Pick<Step, "requests" | "call">;

/** Collects what one call does. It is one thread's: parts of steps never overlap. */
export interface CallTrace {
  readonly open: (subject: Subject, detail?: Detail) => OpenStep;
  /** Counts the time until the returned function is called as the phase's, as no step. */
  readonly spend: (phase: Phase) => () => void;
  /** Adds the call of another plugin, which began at `began` of performance.now(). */
  readonly add: (call: TracedCall, began: number) => void;
  /** Milliseconds since it began. */
  readonly elapsed: () => number;
  /** Where so many milliseconds went. */
  readonly phases: (elapsed: number) => Phases;
  readonly steps: () => readonly Step[];
}

/** Begins the trace of a call. `describe` says what an error of a step was. */
export function beginTrace(describe: (error: unknown) => Refusal): CallTrace {
  const began = performance.now();
  const spent = new Map<Phase, number>();
  const steps: Writable<Step>[] = [];
  const spend = (phase: Phase) => {
    const start = performance.now();
    return () => void spent.set(phase, (spent.get(phase) ?? 0) + performance.now() - start);
  };
  const open = (subject: Subject, detail: Detail = {}): OpenStep => {
    const step: Writable<Step> = { ...subject, ...detail, at: performance.now() - began, milliseconds: 0 };
    steps.push(step);
    const start = () => {
      const finish = spend(subject.phase);
      let isOver = false;
      return (error?: unknown) => {
        if (isOver) return;
        isOver = true;
        finish();
        step.milliseconds = performance.now() - began - step.at;
        if (error !== undefined) step.error ??= describe(error);
      };
    };
    const refuse = (error: Refusal) => {
      step.error = error;
    };
    return { start, run: (run) => runPart(start(), run), refuse };
  };
  return {
    open,
    spend,
    add: (call, start) => {
      const { milliseconds, command, plugin } = call;
      const action = `${command} of ${plugin}`;
      steps.push({ at: start - began, milliseconds, phase: "ipam", kind: "plugin", action, call });
    },
    elapsed: () => performance.now() - began,
    phases: (elapsed) => roundPhases(spent, elapsed),
    steps: () => steps.map(roundStep).sort((one, other) => one.at - other.at),
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function runPart<T>(end: (error?: unknown) => void, run: () => T): T {
  let failed: unknown;
  try {
    return run();
  } catch (error) {
    failed = error;
    throw error;
  } finally {
    end(failed);
  }
}

function roundPhases(spent: ReadonlyMap<Phase, number>, whole: number): Phases {
  let rest = whole;
  for (const milliseconds of spent.values()) rest -= milliseconds;
  const all = new Map(spent).set("other", Math.max(0, rest));
  return Object.fromEntries(
    PHASES.flatMap((phase) => {
      const milliseconds = roundTime(all.get(phase) ?? 0);
      return milliseconds === 0 ? [] : [[phase, milliseconds]];
    }),
  );
}

function roundStep(step: Step): Step {
  return { ...step, at: roundTime(step.at), milliseconds: roundTime(step.milliseconds) };
}

/** Milliseconds to a microsecond. */
export function roundTime(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
