import { type CallRecord, describeCall, recordCall } from "../cni/call-record.ts";
import type { CallTrace } from "../cni/call-trace.ts";
import type { Edge, LoggedCall } from "../cni/edge.ts";
import { CniError, reasonOf } from "../cni/error.ts";
import { isObject, parseJson } from "../cni/json.ts";
import { appendLine } from "../linux/append.ts";
import { readFile } from "../linux/bounded-file.ts";
import { sendToJournal } from "../linux/journal.ts";
import { handling } from "../platform/outcome.ts";

/** The word for systemd's journal; any other value of "log" is the path of a file. */
const JOURNAL = "journal";

/** Begins the record of a call, for the log that `file` configures; undefined, after a line on standard error, if the configuration is unusable. */
export function beginRecord(
  plugin: string,
  edge: Edge,
  { file, trace }: { readonly file: string; readonly trace: CallTrace },
): LoggedCall | undefined {
  const target = orComplain(edge, () => readTarget(file));
  if (target === undefined) return undefined;
  const began = new Date();
  let stdin: Uint8Array = new Uint8Array();
  let stdout = "";
  const readStdin = () => {
    stdin = edge.readStdin();
    return stdin;
  };
  const writeOut = (text: string) => {
    edge.writeOut(text);
    stdout += text;
  };
  const finish = (code: number) => {
    const milliseconds = trace.elapsed();
    const phases = trace.phases(milliseconds);
    orComplain(edge, () => {
      const { environment } = edge;
      write(target, recordCall({ plugin, environment, stdin, stdout, began, milliseconds, phases, code }));
    });
  };
  return { edge: { ...edge, readStdin, writeOut }, finish };
}

/** Where the log goes. @throws CniError, LinuxError, SyntaxError */
function readTarget(file: string): string {
  const json = parseJson(readFile(file));
  const log = isObject(json) ? json["log"] : undefined;
  if (typeof log === "string" && (log === JOURNAL || log.startsWith("/"))) return log;
  throw new CniError("invalidConfig", `Cannot use "log" of ${file}: must be "journal" or an absolute path`);
}

function write(target: string, record: CallRecord): void {
  const { command, error } = record;
  if (["", "VERSION"].includes(command)) return;
  // Kubelets ask every few seconds.
  if (command === "STATUS" && error === undefined) return;
  if (target === JOURNAL) sendToJournal(journalFields(record));
  else appendLine(target, JSON.stringify(record));
}

/** Levels of syslog(3). */
const PRIORITY = { error: "3", info: "6" } as const;

function journalFields(record: CallRecord): Readonly<Record<string, string>> {
  const { plugin, command, network, containerId, ifname, netns, addresses, error, traceparent, milliseconds } = record;
  const phases = Object.entries(record.phases).map(([phase, spent]) => `${phase}=${spent}`);
  const fields = {
    MESSAGE: describeCall(record),
    PRIORITY: error === undefined ? PRIORITY.info : PRIORITY.error,
    SYSLOG_IDENTIFIER: `cni-${plugin}`,
    CNI_PLUGIN: plugin,
    CNI_COMMAND: command,
    CNI_NETWORK: network,
    CNI_CONTAINERID: containerId,
    CNI_IFNAME: ifname,
    CNI_NETNS: netns,
    CNI_ADDRESSES: addresses?.join(" "),
    CNI_MILLISECONDS: String(milliseconds),
    CNI_PHASES: phases.join(" "),
    CNI_ERROR_CODE: error && String(error.code),
    CNI_ERROR_MSG: error?.msg,
    CNI_ERROR_DETAILS: error?.details,
    TRACEPARENT: traceparent,
  };
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Runs `act`. An error becomes a line on standard error. */
function orComplain<T>(edge: Edge, act: () => T): T | undefined {
  return handling([Error], act, (error) => {
    complain(edge, error);
    return undefined;
  });
}

function complain(edge: Edge, error: unknown): void {
  try {
    edge.writeErr(`Cannot log this call: ${reasonOf(error)}\n`);
  } catch {
    // There is no other place to say it.
  }
}
