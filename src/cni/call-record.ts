import { ifPossible } from "../platform/outcome.ts";
import { type Phases, roundTime } from "./call-trace.ts";
import type { Environment } from "./environment.ts";
import { isObject, parseJson } from "./json.ts";

/** One call of a plugin as the log has it. What the call did not have is undefined. */
export interface CallRecord {
  /** When the call began, ISO 8601 in UTC. */
  readonly time: string;
  /** How long it took, in milliseconds. */
  readonly milliseconds: number;
  /** What it took that time for. */
  readonly phases: Phases;
  readonly plugin: string;
  readonly command: string;
  readonly network: string | undefined;
  readonly containerId: string | undefined;
  readonly ifname: string | undefined;
  readonly netns: string | undefined;
  /** The addresses that ADD returned, with their prefix lengths. */
  readonly addresses: readonly string[] | undefined;
  /** The error object that it printed. */
  readonly error: { readonly code: number; readonly msg: string; readonly details?: string } | undefined;
  /** The trace that the runtime's span belongs to. W3C Trace Context */
  readonly traceparent: string | undefined;
}

/** What a call was given and what it printed. */
export interface CallTraffic {
  readonly plugin: string;
  readonly environment: Environment;
  readonly stdin: Uint8Array;
  readonly stdout: string;
  readonly began: Date;
  readonly milliseconds: number;
  readonly phases: Phases;
  /** The exit code. */
  readonly code: number;
}

/** The record of a call. Input that cannot be read leaves fields out. */
export function recordCall(traffic: CallTraffic): CallRecord {
  const { plugin, environment, stdin, stdout, began, milliseconds, phases, code } = traffic;
  const printed = readObject(new TextEncoder().encode(stdout));
  return {
    time: began.toISOString(),
    milliseconds: roundTime(milliseconds),
    phases,
    plugin,
    command: environment["CNI_COMMAND"] ?? "",
    network: textOf(readObject(stdin)["name"]),
    containerId: textOf(environment["CNI_CONTAINERID"]),
    ifname: textOf(environment["CNI_IFNAME"]),
    netns: textOf(environment["CNI_NETNS"]),
    addresses: code === 0 ? addressesOf(printed) : undefined,
    error: code === 0 ? undefined : errorOf(printed),
    traceparent: textOf(environment["TRACEPARENT"]),
  };
}

/** The record as one line of text: "ADD bridge net1 c1 eth0: 10.1.0.2/24 in 12.3 ms". */
export function describeCall(record: CallRecord): string {
  const { command, plugin, network, containerId, ifname, addresses = [], error, milliseconds } = record;
  const subject = [command, plugin, network, containerId, ifname].filter((each) => each !== undefined).join(" ");
  const details = error?.details === undefined ? "" : `; ${error.details}`;
  const outcome =
    error === undefined ? addresses.join(" ") || "done" : `failed (${error.code}): ${error.msg}${details}`;
  return `${subject}: ${outcome} in ${milliseconds} ms`;
}

function addressesOf({ ips, ip4, ip6 }: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  const entries = Array.isArray(ips) ? ips : [];
  // Results before 0.3.0 have one address of each family.
  const old = [ip4, ip6].map((each) => (isObject(each) ? each["ip"] : undefined));
  const found = [...entries.map((each: unknown) => (isObject(each) ? each["address"] : undefined)), ...old];
  const texts = found.filter((each) => typeof each === "string");
  return texts.length === 0 ? undefined : texts;
}

function errorOf({ code, msg, details }: Readonly<Record<string, unknown>>): CallRecord["error"] {
  const known = { code: typeof code === "number" ? code : 1, msg: typeof msg === "string" ? msg : "" };
  return typeof details === "string" ? { ...known, details } : known;
}

function readObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const json = ifPossible(() => parseJson(bytes));
  return isObject(json) ? json : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
