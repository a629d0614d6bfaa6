import { NFT_MSG } from "../../src/netfilter/nftables/message.ts";
import { NFNL_SUBSYS } from "../../src/netlink/nfnetlink.ts";
import { RTM } from "../../src/netlink/rtnetlink.ts";

/** One kernel call. Times in milliseconds since the log's first line. */
export interface Call {
  readonly name: string;
  /** As strace prints them. */
  readonly args: string;
  readonly result: string;
  readonly start: number;
  readonly ms: number;
}

/** A program's run, from its exec to its end; threads' calls are the process's. */
export interface Process {
  readonly pid: string;
  readonly program: string;
  readonly start: number;
  end: number;
  readonly calls: Call[];
}

/** How often a kernel call is told of that took the most time. */
const MOST = 8;

/** An openat that leads to a change, or to a network parameter. */
const WRITES = /"\/proc\/sys\/net|O_WRONLY|O_RDWR/;

/** Calls that change a folder. */
const CHANGES = /^(link|symlink|rename|unlink|mkdir|rmdir)$/;

/** Numbers of messages, by which strace calls them on a socket that is not bound yet. */
const MESSAGES = new Map<number, string>([
  ...Object.entries(RTM).map(([name, value]): [number, string] => [value, `RTM_${name}`]),
  ...Object.entries(NFT_MSG).map(([name, value]): [number, string] => [
    (NFNL_SUBSYS.NFTABLES << 8) | value,
    `NFT_MSG_${name}`,
  ]),
]);

/**
 * Reads what `strace -f -ttt -T -yy` wrote: the processes in the order in which they began. @throws Error for a line that is none of
 * strace's
 */
export function parseTrace(log: string): readonly Process[] {
  const processes: Process[] = [];
  /** The process that a thread belongs to, by the thread's id. */
  const running = new Map<string, Process>();
  for (const { pid, at, call } of readCalls(log)) {
    const own = running.get(pid);
    if (own !== undefined) own.end = at;
    if (call?.name === "execve" && call.result === "0") {
      const begun: Process = { pid, program: firstText(call.args), start: call.start, end: at, calls: [call] };
      processes.push(begun);
      running.set(pid, begun);
    } else if (call !== undefined && own !== undefined) {
      own.calls.push(call);
      const thread = startedBy(call);
      if (thread !== undefined && isThread(call)) running.set(thread, own);
    }
  }
  return processes;
}

/** For people: when what happened in each process, and where its time went. */
export function formatTrace(log: string): string {
  return parseTrace(log).map(formatProcess).join("\n\n");
}

/** One line of the log: a call where it tells the end of one, the thread's end or a signal where not. */
interface Line {
  readonly pid: string;
  readonly at: number;
  readonly call: Call | undefined;
}

/** A call that strace began on one line and ended on another is one, at the line of its end. */
function readCalls(log: string): readonly Line[] {
  const unfinished = new Map<string, Call>();
  let origin: number | undefined;
  return log.split("\n").flatMap((line) => {
    if (line.trim() === "") return [];
    const [, pid = "", seconds = "", rest = ""] = /^(\d+) +(\d+\.\d+) (.*)$/.exec(line) ?? [];
    if (rest === "") throw new Error(`Cannot read the line "${line}": must be of strace -f -ttt -T`);
    origin ??= Number(seconds) * 1000;
    const at = Number(seconds) * 1000 - origin;
    const [, begun, begunArgs = ""] = /^(\w+)\((.*) <unfinished \.\.\.>$/.exec(rest) ?? [];
    if (begun === undefined) return [{ pid, at, call: readCall(rest, at, unfinished.get(pid)) }];
    unfinished.set(pid, { name: begun, args: begunArgs, result: "", start: at, ms: 0 });
    return [];
  });
}

function readCall(text: string, at: number, begun: Call | undefined): Call | undefined {
  const [, resumed, rest = "", end = ""] = /^<\.\.\. (\w+) resumed>(.*)\) += (.*)$/.exec(text) ?? [];
  if (resumed !== undefined && begun !== undefined) {
    return { ...begun, args: begun.args + rest, ms: at - begun.start, ...splitResult(end) };
  }
  const [, name, args = "", result = ""] = /^(\w+)\((.*)\) += (.*)$/.exec(text) ?? [];
  return name === undefined ? undefined : { name, args, start: at, ms: 0, ...splitResult(result) };
}

/** The process or thread that a call started. */
function startedBy({ name, result }: Call): string | undefined {
  return /^(clone3?|v?fork)$/.test(name) ? /^\d+/.exec(result)?.[0] : undefined;
}

function isThread({ args }: Call): boolean {
  return args.includes("CLONE_THREAD");
}

function firstText(args: string): string {
  return /"([^"]*)"/.exec(args)?.[1] ?? "";
}

/** `3</dev/null> <0.000012>`: the result, and how long the call took, where that is told. */
function splitResult(text: string): { result: string; ms?: number } {
  const [, result, seconds] = /^(.*?) <(\d+\.\d+)>$/.exec(text) ?? [];
  return result === undefined ? { result: text } : { result, ms: Number(seconds) * 1000 };
}

function formatProcess(process: Process): string {
  const { program, pid, start, end, calls } = process;
  const head = `${program} (${pid}): ${(end - start).toFixed(1)} ms from exec to exit, ${calls.length} kernel calls`;
  const steps = calls.flatMap((call) => {
    const step = describe(call);
    return step === undefined ? [] : [{ at: call.start, ms: call.ms, step }];
  });
  const lines = [...steps, { at: end, ms: 0, step: "ended" }].map(({ at, ms, step }, i, all) => {
    const since = at - (all[i - 1]?.at ?? start);
    return `${at.toFixed(1).padStart(8)}  +${since.toFixed(1).padStart(5)}  ${step}${ms >= 0.1 ? ` (${ms.toFixed(1)} ms)` : ""}`;
  });
  return [head, ...lines, `  in the kernel: ${formatTotals(calls)}`].join("\n");
}

/** What a call is to somebody who knows networks; undefined for the many that a runtime makes. */
function describe(call: Call): string | undefined {
  const { name, args, result } = call;
  if (startedBy(call) !== undefined && !isThread(call)) return `starts process ${startedBy(call)}`;
  if (name === "read" && /^0[<,]/.test(args) && result !== "0") return "reads standard input: the runtime has started";
  if (name === "write" && /^1[<,]/.test(args)) return "prints";
  if (/^send(to|msg)$/.test(name) && args.includes("nlmsg_type")) return `asks for ${messagesOf(args).join(", ")}`;
  if (name === "openat" && WRITES.test(args)) return `opens ${firstText(args)}`;
  if (CHANGES.test(name)) return `${name} ${/"([^"]*)"[^"]*$/.exec(args)?.[1]}`;
  if (name === "setns") return `enters ${/<([^>]*)>/.exec(args)?.[1] ?? args}`;
  return { execve: "exec", exit_group: "ends" }[name];
}

function messagesOf(args: string): string[] {
  const types = [...args.matchAll(/nlmsg_type=(?:(0x[0-9a-f]+)|(?:NFNL_SUBSYS_\w+<<8\|)?(\w+))/g)];
  const names = types.map(([, number, name]) => name ?? MESSAGES.get(Number(number)) ?? `message ${number}`);
  return names.filter((name) => !name.startsWith("NFNL_MSG_BATCH"));
}

function formatTotals(calls: readonly Call[]): string {
  // Threads that wait for each other do nothing.
  const busy = calls.filter(({ name }) => name !== "futex");
  const totals = [...Map.groupBy(busy, ({ name }) => name)].map(([name, all]) => {
    return { name, count: all.length, ms: all.reduce((sum, { ms }) => sum + ms, 0) };
  });
  const most = totals.sort((a, b) => b.ms - a.ms).slice(0, MOST);
  return most.map(({ name, count, ms }) => `${name} ${count} times ${ms.toFixed(1)} ms`).join(", ");
}
