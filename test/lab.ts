import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

/** The executables under test: `CNI_BIN_DIR`, else what `npm run build` made. */
export const binDir = path.resolve(process.env["CNI_BIN_DIR"] ?? path.join(import.meta.dirname, "../dist/bin"));

/** Whether those are the native image, which has 2 MB, and not Node.js, which has 150. */
export const isNative = fs.existsSync(binDir) && fs.statSync(path.join(binDir, "bridge")).size < 20 << 20;

export interface Outcome {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Call {
  readonly command: string;
  /** Standard input: text and bytes as they are, anything else as JSON. */
  readonly config: unknown;
  readonly containerId?: string;
  readonly netns?: string;
  readonly ifname?: string;
  readonly args?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Directory of the executables, where it is not the one under test. */
  readonly bin?: string;
  /** What runs the executable on the lab's host: `strace -o /dev/null …`, say. */
  readonly wrapper?: readonly string[];
}

/** What each call that failed said, until somebody empties it: see failed-calls.ts. */
export const failedCalls: string[] = [];

/**
 * Network namespaces of a test's own: one that plays the host, any number of containers, and a folder for state.
 * Everything is removed by `dispose`, also what a test left behind. Needs root; fails without.
 */
export class Lab {
  readonly id = `lab${process.pid}${randomBytes(2).toString("hex")}`;
  readonly dir = fs.mkdtempSync(path.join(os.tmpdir(), "cni-lab-"));
  readonly dataDir = path.join(this.dir, "networks");
  /** The lock of iptables-legacy's is one for the whole machine; a lab's tables are its own. */
  readonly #lock = { XTABLES_LOCKFILE: path.join(this.dir, "xtables.lock") };
  readonly #namespaces: string[] = [];
  readonly host: string;

  constructor() {
    if (process.getuid?.() !== 0) throw new Error("Cannot make a lab: must be root (network namespaces are made)");
    if (!fs.existsSync(path.join(binDir, "bridge")))
      throw new Error(`Cannot find ${binDir}/bridge: run "npm run build" first`);
    this.host = this.addNamespace("host");
    this.run(["ip", "link", "set", "lo", "up"]);
  }

  /** Makes a network namespace; returns its path. */
  addNamespace(name: string): string {
    const full = `${this.id}-${name}`;
    must(spawnSync("ip", ["netns", "add", full], { encoding: "utf8" }), `ip netns add ${full}`);
    this.#namespaces.push(full);
    return `/run/netns/${full}`;
  }

  /** Deletes a network namespace. The kernel deletes what it had on the host some time after: see untilVethsAre(). */
  deleteNamespace(netns: string): void {
    must(spawnSync("ip", ["netns", "del", path.basename(netns)], { encoding: "utf8" }), `ip netns del ${netns}`);
    this.#namespaces.splice(this.#namespaces.indexOf(path.basename(netns)), 1);
  }

  /** Waits until the host has so many veths, for at most a minute. */
  untilVethsAre(count: number): void {
    const deadline = performance.now() + 60_000;
    while (this.ip("link show type veth").length !== count) {
      if (performance.now() > deadline) throw new Error(`Expected ${count} veths on the host`);
      sleep(10);
    }
  }

  /** Runs a program inside a namespace (the host's unless told); throws when it fails, with what it printed. */
  run(argv: readonly string[], netns = this.host): string {
    return must(this.try(argv, netns), argv.join(" ")).stdout;
  }

  /** The same, but returns how it ended. */
  try(argv: readonly string[], netns = this.host, input?: string): Outcome {
    const env = { ...process.env, ...this.#lock };
    const child = spawnSync("nsenter", [`--net=${netns}`, "--", ...argv], {
      env,
      encoding: "utf8",
      input: input ?? "",
    });
    if (child.error !== undefined) throw child.error;
    return child;
  }

  /** What `ip -json` prints, decoded. */
  ip(args: string, netns = this.host): unknown[] {
    const text = this.run(["ip", "-json", ...args.split(" ")], netns);
    const decoded: unknown = text.trim() === "" ? [] : JSON.parse(text);
    if (!Array.isArray(decoded)) throw new Error(`ip -json ${args} printed no array: ${text}`);
    // `ip` prints {} for every object that a filter leaves out.
    return decoded.filter((entry) => Object.keys(entry).length > 0);
  }

  /** Runs a plugin on the lab's host, as a runtime does. */
  plugin(name: string, call: Call): Outcome {
    const { argv, options } = this.#invocation(name, call);
    return noted(name, call, spawnSync("nsenter", argv, { ...options, encoding: "utf8", maxBuffer: 1 << 28 }));
  }

  /** The same without waiting; resolves when the plugin has ended. */
  start(name: string, call: Call): { pid: number; ended: Promise<Outcome> } {
    const { argv, options } = this.#invocation(name, call);
    const child = spawn("nsenter", argv, { env: options.env, stdio: "pipe" });
    child.stdin.on("error", () => {});
    child.stdin.end(options.input);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    const ended = new Promise<Outcome>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status, signal) => {
        const [stdout, stderr] = [out, err].map((chunks) => Buffer.concat(chunks).toString());
        resolve(noted(name, call, { status, signal, stdout: stdout ?? "", stderr: stderr ?? "" }));
      });
    });
    return { pid: child.pid ?? 0, ended };
  }

  #invocation(name: string, call: Call) {
    const bin = call.bin ?? binDir;
    const environment: Record<string, string> = {
      PATH: process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin",
      CNI_COMMAND: call.command,
      CNI_CONTAINERID: call.containerId ?? "c1",
      CNI_NETNS: call.netns ?? "",
      CNI_IFNAME: call.ifname ?? "eth0",
      CNI_PATH: bin,
      ...this.#lock,
      [MARK]: this.id,
      ...(call.args === undefined ? {} : { CNI_ARGS: call.args }),
      ...call.environment,
    };
    const isRaw = typeof call.config === "string" || call.config instanceof Uint8Array;
    const input = isRaw ? call.config : JSON.stringify(call.config);
    const argv = [`--net=${this.host}`, "--", ...(call.wrapper ?? []), path.join(bin, name)];
    return { argv, options: { env: environment, input } };
  }

  /**
   * A CNI_PATH on which a plugin is a file of its own, a copy, and not a link of the image that runs: so it is started as a process.
   * The others are where they are.
   */
  pathWithCopy(name: string): string {
    const folder = path.join(this.dir, "copies");
    fs.mkdirSync(folder, { recursive: true });
    fs.copyFileSync(path.join(binDir, name), path.join(folder, name), fs.constants.COPYFILE_FICLONE);
    return `${folder}:${binDir}`;
  }

  /**
   * Processes that a call of this lab started, directly or not, and that still run after a second: a DEL has the kernel's work waited for
   * by one of its own, for some milliseconds.
   */
  processes(): number[] {
    const deadline = performance.now() + 1000;
    for (;;) {
      const found = this.running();
      if (found.length === 0 || performance.now() > deadline) return found;
      sleep(10);
    }
  }

  /** Those that run now. */
  running(): number[] {
    const mark = `${MARK}=${this.id}`;
    return fs
      .readdirSync("/proc")
      .filter((name) => /^[0-9]+$/.test(name) && environmentOf(name).includes(mark))
      .map(Number);
  }

  /** Files in a network's folder of leases, sorted. */
  leases(network: string): string[] {
    const folder = path.join(this.dataDir, network);
    return fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
  }

  /** Takes away what calls made on the host: its links, its rules and all leases. */
  clear(): void {
    for (const link of this.ip("link show")) {
      const { ifname, link_type } = Object(link);
      if (link_type !== "loopback") this.try(["ip", "link", "del", ifname]);
    }
    this.run(["nft", "flush", "ruleset"]);
    fs.rmSync(this.dataDir, { recursive: true, force: true });
  }

  dispose(): void {
    for (const name of this.#namespaces.reverse()) spawnSync("ip", ["netns", "del", name]);
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Variable that every process of a lab has, handed on from parent to child. */
const MARK = "CNI_TEST_LAB";

/** The variables that a process began with; none where it has ended. */
function environmentOf(pid: string): string[] {
  try {
    return fs.readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
  } catch {
    return [];
  }
}

/** Blocks the thread. */
export function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Takes down a call that failed; returns how it ended, and no more. */
function noted(name: string, { command, containerId = "c1", ifname = "eth0" }: Call, outcome: Outcome): Outcome {
  const { status, signal, stdout, stderr } = outcome;
  const said = [stdout, stderr].map((text) => text.trim().slice(0, 2000)).filter((text) => text !== "");
  if (status !== 0)
    failedCalls.push(
      `${name} ${command} ${containerId} ${ifname} ended with ${status ?? signal}: ${said.join("\n  ")}`,
    );
  return { status, signal, stdout, stderr };
}

function must<T extends Pick<SpawnSyncReturns<string>, "status" | "stderr" | "stdout">>(child: T, what: string): T {
  if (child.status !== 0) throw new Error(`${what} failed with ${child.status}: ${child.stderr}${child.stdout}`);
  return child;
}
