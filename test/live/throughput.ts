import { type ChildProcess, spawn } from "node:child_process";
import type { Lab } from "../lab.ts";

/** Takes what comes on a port, and says when it is ready and when something has come. */
const SINK = `
const server = require("net").createServer((socket) => {
  socket.on("error", () => {}).once("data", () => console.log("began")).resume();
}).listen(5001, process.argv[1], () => console.log("ready"));
`;

/** Sends as fast as it can. */
const SOURCE = `
const socket = require("net").connect(5001, process.argv[1]);
const chunk = Buffer.alloc(65536);
const push = () => { while (socket.write(chunk)); };
socket.on("connect", push).on("drain", push).on("error", () => process.exit());
`;

/** Which way traffic goes, and when it is measured: after the burst at its beginning. */
export interface Flow {
  /** Network namespaces. */
  readonly from: string;
  readonly to: string;
  /** The receiver's, and its link. */
  readonly address: string;
  readonly link: string;
  /** Milliseconds after the first byte. */
  readonly window: readonly [from: number, until: number];
}

/** Bits a second that TCP gets through, by the receiving link's counter: a busy machine may let processes wait, not that. */
export async function measureThroughput(lab: Lab, { from, to, address, link, window }: Flow): Promise<number> {
  const sink = start(to, SINK, address);
  const children = [sink];
  try {
    const began = says(sink, "began");
    await says(sink, "ready");
    children.push(start(from, SOURCE, address));
    await began;
    await pause(window[0]);
    const first = count(lab, to, link);
    await pause(window[1] - window[0]);
    const last = count(lab, to, link);
    return ((last.bytes - first.bytes) * 8) / (last.seconds - first.seconds);
  } finally {
    for (const child of children) child.kill();
  }
}

function start(netns: string, script: string, address: string): ChildProcess {
  return spawn("nsenter", [`--net=${netns}`, process.execPath, "-e", script, address], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

function says(child: ChildProcess, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.on("data", (chunk) => String(chunk).includes(word) && resolve());
    child.on("close", () => reject(new Error(`The receiver ended before it said "${word}"`)));
  });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** What a link has received, and at what moment. */
function count(lab: Lab, netns: string, link: string): { bytes: number; seconds: number } {
  const [nanoseconds, , ...lines] = lab.run(["sh", "-c", "date +%s%N; cat /proc/net/dev"], netns).split("\n");
  const line = lines.find((each) => each.trim().startsWith(`${link}:`)) ?? "";
  return { bytes: Number(/:\s*(\d+)/.exec(line)?.[1]), seconds: Number(nanoseconds) / 1e9 };
}
