import type { TracedCall, TracedInput } from "../cni/call-trace.ts";
import type { Plugin } from "../cni/plugin.ts";
import type { Launch } from "../cni/plugin-process.ts";
import type { ReapplyCall } from "../cni/reapply.ts";
import type { Rebuilding } from "../cni/rebuilding.ts";
import type { RuleGathering } from "../netfilter/rule-gathering.ts";
import type { InsideLink } from "./inspect/inside.ts";
import type { KernelMarks } from "./inventory/marks.ts";

/** The command's access to its process and the machine. */
export interface Edge {
  /** Arguments after the command's own name. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The working directory, the base of relative paths. */
  readonly directory: string;
  /** Whether standard output is a terminal. */
  readonly terminal: { readonly out: boolean };
  readonly build: Build;
  readonly launch: Launch;
  readonly reapply: Reapply;
  readonly trace: TraceLaunch;
  readonly withdraw: Withdraw;
  /** False if the path is certainly not, or no longer, a network namespace. */
  readonly isLiving: (netns: string) => boolean;
  /** A link of a namespace; undefined if it has none of that name. @throws LinuxError */
  readonly findInside: (netns: string, ifname: string) => InsideLink | undefined;
  /** What the kernel knows of attachments. */
  readonly gatherMarks: () => KernelMarks;
  /** All of standard input. */
  readonly readStdin: () => Uint8Array;
  readonly writeOut: (text: string) => void;
  readonly writeErr: (text: string) => void;
}

/**
 * Has a plugin of this image rebuild an attachment; undefined if it has nothing to rebuild. With `gathering`, its rules are held back in
 * that. @throws CniError
 */
export type Reapply = (type: string, call: ReapplyCall, gathering?: RuleGathering) => Rebuilding | undefined;

/** Starts plugins as `launch` does, and tells of each call: what went in and out, and, if the plugin is of this image, its steps. */
export type TraceLaunch = (listener: TraceListener) => Launch;

/** Receives the calls of plugins; those of their delegates are among their steps. */
export interface TraceListener {
  readonly began: (call: TracedInput) => void;
  readonly ended: (call: TracedCall) => void;
}

/** Has a plugin of this image delete what it may have rebuilt for an attachment that has ended since. @throws CniError */
export type Withdraw = (type: string, call: ReapplyCall) => void;

/** The running executable. */
export interface Build {
  readonly version: string;
  /** The commit that it was built from, and its day; both empty outside a clone. */
  readonly commit: string;
  readonly date: string;
  /** What runs it: QuickJS-NG or Node.js, with its version. */
  readonly engine: string;
  /** The names of the image: every plugin's, and cnictl. Empty if it runs from source. */
  readonly names: readonly string[];
  /** The plugins of the image by name. Reading one loads its module. */
  readonly plugins: Readonly<Record<string, DescribedPlugin | undefined>>;
  /** Path of the image. */
  readonly executable: string;
}

/** What cnictl reads of a plugin without calling it. */
export type DescribedPlugin = Pick<Plugin, "name" | "versions" | "configuration">;
