import { type ChildProcessByStdio, spawn } from "node:child_process";
import fs from "node:fs";
import type { Readable, Writable } from "node:stream";
import type { Json, JsonObject } from "../fuzz/networks.ts";
import { type Call, callOf, PLACES } from "../fuzz/scenario.ts";
import { type Ended, judge } from "../fuzz/verdict.ts";
import { clearWorld, run } from "../fuzz/world.ts";
import { APART, type Chain, runtimeConfigOf } from "./chain.ts";
import { startDhcpServer } from "./dhcp-server.ts";
import type { Finding } from "./finding.ts";
import { joinOtherNetwork } from "./other-network.ts";

/** After so many milliseconds a call does not end. */
const HANGS = 120_000;

/** How one call differs from the plain one. */
export interface Ways {
  readonly prevResult?: Json | undefined;
  readonly id?: string;
  /** Which of several containers it is: each has ports of its own. */
  readonly container?: number;
  readonly netns?: string;
  /** Where the executables are, if they are not those under test. */
  readonly bin?: string;
  /** What runs the executable. */
  readonly wrapper?: readonly string[];
  /** Members that are put into the configuration. */
  readonly members?: JsonObject;
  /** What may be wrong with the answer, in the words of `judge`. */
  readonly tolerated?: RegExp | undefined;
}

/** What GC is told where no attachment is left. */
export const NOBODY: Ways = { members: { "cni.dev/valid-attachments": [] } };

/** A world for one chain, what has been called in it, and what was wrong. */
export class Stage {
  readonly chain: Chain;
  readonly #repeat: string;
  #calls: string[] = [];
  readonly findings: Finding[] = [];
  count = 0;
  /** Whether a server may keep a lease until its time is over: a call could not give it back, or a DEL or GC that failed took its link. */
  mayBeLeased = false;

  /** `repeat` says how to see it again. */
  constructor(chain: Chain, repeat: string) {
    this.chain = chain;
    this.#repeat = repeat;
  }

  /** A fresh container on a host that has nothing. */
  clear(): void {
    clearWorld();
    this.begin();
    this.restore();
  }

  /** Puts back what a cleared world lacks of it. */
  restore(): void {
    if (this.chain.isServed === true) startDhcpServer();
    if (this.chain.isSecond === true) joinOtherNetwork();
    if (!this.chain.path.startsWith(APART)) return;
    fs.mkdirSync(APART, { recursive: true });
    fs.copyFileSync(`${PLACES.bin}/host-local`, `${APART}/host-local`);
  }

  /** Only the calls from now on belong to what is found from now on. */
  begin(): void {
    this.#calls = [];
    this.mayBeLeased = false;
  }

  /** Runs a plugin by its place in the chain. What is no answer of a plugin's is a finding. */
  call(index: number, verb: string, ways: Ways = {}): Ended {
    const call = this.#callOf(index, verb, ways);
    const [program = "", ...args] = [...(ways.wrapper ?? []), `${ways.bin ?? PLACES.bin}/${call.name}`];
    return this.#heard(call, run([program, ...args], call), ways);
  }

  /** The same without waiting; the process is the plugin's own. */
  start(index: number, verb: string, ways: Ways = {}): { pid: number; ended: Promise<Ended> } {
    const call = this.#callOf(index, verb, ways);
    const child = spawn(`${ways.bin ?? PLACES.bin}/${call.name}`, {
      env: call.environment,
      stdio: "pipe",
      detached: true,
      timeout: HANGS,
      killSignal: "SIGKILL",
    });
    child.stdin.on("error", () => {});
    child.stdin.end(call.stdin);
    const ended = endOf(child).then((outcome) =>
      outcome.signal === null || outcome.milliseconds > HANGS
        ? this.#heard(call, outcome, ways)
        : this.#note(call, outcome),
    );
    return { pid: child.pid ?? 0, ended };
  }

  /** The whole chain, in order; each gets what the one before printed. The results, one for each. */
  attach(count = this.chain.plugins.length, ways: Ways = {}): readonly Json[] {
    const results: Json[] = [];
    for (let index = 0; index < count; index++) results.push(this.add(index, { ...ways, prevResult: results.at(-1) }));
    return results;
  }

  /** ADD that has to work. */
  add(index: number, ways: Ways = {}): Json {
    return JSON.parse(this.succeed(index, "ADD", ways).stdout);
  }

  /** A call that has to work. @throws Error when it does not: nothing after it means anything */
  succeed(index: number, verb: string, ways: Ways = {}): Ended {
    const ended = this.call(index, verb, ways);
    if (ended.status !== 0) this.stop(`${this.nameOf(index)} ${verb} fails without a fault`, ended.stdout);
    return ended;
  }

  /** @throws Error always */
  stop(kind: string, text: string): never {
    this.find(kind, text);
    throw new Error(`${kind}: ${text}`);
  }

  find(kind: string, text: string): void {
    this.findings.push({ kind, text, calls: this.#calls, repeat: this.#repeat });
  }

  nameOf(index: number): string {
    return String(this.chain.plugins[index]?.["type"]);
  }

  #callOf(index: number, verb: string, ways: Ways): Call {
    const plain = this.chain.plugins[index] ?? {};
    const own = "runtimeConfig" in plain ? { runtimeConfig: runtimeConfigOf(ways.container ?? 0) } : {};
    const plugin = { ...plain, ...own, ...ways.members };
    return callOf(verb, ways.prevResult === undefined ? plugin : { ...plugin, prevResult: ways.prevResult }, {
      CNI_CONTAINERID: ways.id ?? "one",
      CNI_NETNS: ways.netns ?? PLACES.netns,
      CNI_IFNAME: "eth0",
      CNI_PATH: ways.bin ?? this.chain.path,
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    });
  }

  #heard(call: Call, ended: Ended, ways: Ways): Ended {
    this.#note(call, ended, ways.wrapper);
    // A busy machine is slow; what hangs is killed.
    const wrong = judge(call, { ...ended, milliseconds: 0 });
    if (wrong !== undefined && ways.tolerated?.test(wrong.kind) !== true) this.find(wrong.kind, wrong.text);
    return ended;
  }

  #note(call: Call, ended: Ended, wrapper: readonly string[] = []): Ended {
    this.count++;
    const { CNI_COMMAND = "", CNI_CONTAINERID, CNI_NETNS } = call.environment;
    const hasFailed = ended.status !== 0 && ["DEL", "GC"].includes(CNI_COMMAND);
    this.mayBeLeased ||= hasFailed || /^Cannot give \S+ back/m.test(ended.stderr);
    const answer = `${ended.stdout}${ended.stderr}`.replaceAll(/\s+/g, " ").slice(0, 400);
    const fault = wrapper.filter((word) => word.startsWith("inject="));
    this.#calls.push(
      `${[...fault, call.name, CNI_COMMAND, CNI_CONTAINERID, CNI_NETNS].join(" ")} -> ${ended.status ?? ended.signal} ${answer}`,
    );
    return ended;
  }
}

/** How a process that has just been started ends. */
export function endOf(child: ChildProcessByStdio<Writable | null, Readable, Readable>): Promise<Ended> {
  const began = performance.now();
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name].on("data", (chunk) => (texts[name] += String(chunk)));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) =>
      resolve({ status, signal, ...texts, milliseconds: performance.now() - began }),
    );
  });
}
