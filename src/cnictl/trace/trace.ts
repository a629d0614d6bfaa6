import type { TracedCall } from "../../cni/call-trace.ts";
import { addNetwork, checkNetwork, deleteNetwork } from "../../runtime/chain.ts";
import type { Runtime, Target } from "../../runtime/runtime.ts";
import { readArguments } from "../arguments.ts";
import type { Command } from "../command.ts";
import type { Description } from "../description.ts";
import type { Edge } from "../edge.ts";
import { describeFailure } from "../failure.ts";
import { showAttachment } from "../show.ts";
import { readTarget, TARGET } from "../target.ts";
import { UsageError } from "../usage-error.ts";
import { writeJson } from "../view.ts";
import { callJson } from "./json.ts";
import { formatInput, formatOutcome, formatSummary } from "./report.ts";

const VERBS = ["add", "check", "del"] as const;

const DESCRIPTION = {
  name: "trace",
  summary: "Runs add, check or del, and shows what each plugin does",
  help: [
    "<verb> is add, check or del. Does what that command does, and shows for each plugin its input, its",
    "requests to the kernel with their answers and times in ms, its output, its exit code and where its",
    "time went. Plugins that it calls are below it. For an executable that is not the same file as this",
    "cnictl, it shows only input, output and time. An error of the kernel need not be a failure: plugins",
    "also ask whether something exists. The exit code says whether the call failed.",
    "",
    ...TARGET.help,
  ],
  operands: [{ name: "verb", required: true, completion: VERBS }, ...TARGET.operands],
  options: TARGET.options,
  environment: TARGET.environment,
} as const satisfies Description;

/** `cnictl trace`: add, check or del, with all that the plugins did. */
export const trace: Command = {
  ...DESCRIPTION,
  run: (edge, args) => {
    const verb = VERBS.find((each) => each === args[0]);
    if (verb === undefined) throw new UsageError(`must be followed by one of ${VERBS.join(", ")}`);
    const { operands, values } = readArguments(args, DESCRIPTION);
    const given = { operands: operands.slice(1), values };
    const { runtime, target, json } = readTarget(edge, given, { remembered: verb !== "add" });
    const tell = json ? traceAsJson : traceAsText;
    return tell(edge, { runtime, target, verb });
  },
};

type Verb = (typeof VERBS)[number];

interface Traced {
  readonly runtime: Runtime;
  readonly target: Target;
  readonly verb: Verb;
}

const RUN: Readonly<Record<Verb, (runtime: Runtime, target: Target) => unknown>> = {
  add: addNetwork,
  check: checkNetwork,
  del: deleteNetwork,
};

/** Writes each plugin's input before it runs: it may never end. @throws CniError of the chain, after all was written */
function traceAsText(edge: Edge, traced: Traced): undefined {
  const { attachment, network } = traced.target;
  edge.writeOut(`${showAttachment(attachment)}, network "${network.name}"\n`);
  const calls: TracedCall[] = [];
  try {
    runChain(edge, traced, {
      began: (call) => edge.writeOut(`\n${formatInput(call)}`),
      ended: (call) => {
        calls.push(call);
        edge.writeOut(formatOutcome(call));
      },
    });
  } finally {
    edge.writeOut(`\n${formatSummary(calls)}`);
  }
}

function traceAsJson(edge: Edge, traced: Traced): number {
  const { network, attachment } = traced.target;
  const { containerId, ifname, netns } = attachment;
  const plugins: TracedCall[] = [];
  let error: object | undefined;
  try {
    runChain(edge, traced, { began: () => {}, ended: (call) => plugins.push(call) });
  } catch (failure) {
    error = describeFailure(edge, failure);
  }
  const subject = { command: traced.verb.toUpperCase(), network: network.name, containerId, ifname, netns };
  writeJson(edge, { ...subject, plugins: plugins.map(callJson), error });
  return error === undefined ? 0 : 1;
}

/** What the plugins write to standard error is part of what is told. */
function runChain(edge: Edge, { runtime, target, verb }: Traced, listener: Parameters<Edge["trace"]>[0]): void {
  RUN[verb]({ ...runtime, launch: edge.trace(listener), log: () => {} }, target);
}
