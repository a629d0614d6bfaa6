import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { binDir, type Outcome } from "../../lab.ts";
import { serve, writePages } from "./who.ts";

/** Where the plugins are installed, as on any node. */
export const PLUGIN_DIR = "/opt/cni/bin";

/** Where Debian's own package has plugins: in a sandbox, an empty folder. */
const DEBIAN_PLUGIN_DIR = "/usr/lib/cni";

/** How long a command may take: a runtime that hangs would keep the test's own limit from being looked at. */
const COMMAND_MS = 120_000;

export interface Options {
  /** Name of a network namespace of the sandbox; its host's unless told. */
  readonly netns?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * A node of a runtime's own: network, mount and process namespaces, /etc, /opt and /var that are the machine's with changes in memory, an empty
 * /run and /var/lib/{cni,containerd,containers}, and in the machine's plugin folders nothing but the executables under test, put
 * there by `cnictl install`. A namespace `outside` with a web server, 192.0.2.2 and 2001:db8::2, is on the same wire as the node,
 * 192.0.2.1 and 2001:db8::1. All of it ends with the process that made it.
 */
export class Sandbox {
  /** A folder at the same place inside and outside. */
  readonly dir: string;
  /** The control group, in each hierarchy, below which a runtime is to keep its own. */
  readonly cgroup: string;
  readonly #init: ChildProcess;
  readonly #pid: string;
  #started = 0;

  private constructor(dir: string, init: ChildProcess, pid: string) {
    [this.dir, this.#init, this.#pid] = [dir, init, pid];
    this.cgroup = `/${path.basename(dir)}`;
  }

  /** Makes one and, with `prepare`, what is to run on it; where that fails, nothing is left. @throws Error with what was printed */
  static async start<T>(prepare: (node: Sandbox) => T | Promise<T>): Promise<T> {
    if (process.getuid?.() !== 0) throw new Error("Cannot make a sandbox: must be root");
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "cni-runtime-"));
    const namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child"];
    const init = spawn("unshare", [...namespaces, "bash", "-c", INIT], { stdio: ["pipe", "pipe", "pipe"] });
    const pid = await firstLine(init);
    const sandbox = new Sandbox(dir, init, pid);
    try {
      sandbox.run([path.join(binDir, "cnictl"), "install", "--dir", PLUGIN_DIR]);
      sandbox.connectOutside();
      return await prepare(sandbox);
    } catch (error) {
      await sandbox.dispose();
      throw error;
    }
  }

  /** Runs a program; throws when it fails, with what it printed. */
  run(argv: readonly string[], options: Options = {}): string {
    const { status, signal, stdout, stderr } = this.try(argv, options);
    if (status !== 0) throw new Error(`${argv.join(" ")} ended with ${status ?? signal}: ${stderr}${stdout}`);
    return stdout;
  }

  /** The same, but returns how it ended. */
  try(argv: readonly string[], options: Options = {}): Outcome {
    const [program = "", ...args] = this.#inside(argv, options);
    const child = spawnSync(program, args, { encoding: "utf8", input: "", maxBuffer: 1 << 28, timeout: COMMAND_MS });
    if (child.error !== undefined) throw child.error;
    return child;
  }

  /** Starts a program that goes on, with its output added to a file; returns its process id inside. */
  start(argv: readonly string[], log: string, options: Options = {}): string {
    const script = 'log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & echo $!';
    return this.run(["bash", "-c", script, "bash", log, ...argv], options).trim();
  }

  /** The same, and waits until the output has a word. Returns the process id inside. @throws Error with the output, after half a minute */
  async startUntil(word: string, argv: readonly string[], options: Options = {}): Promise<string> {
    const log = path.join(this.dir, `${path.basename(argv[0] ?? "")}-${++this.#started}.log`);
    const pid = this.start(argv, log, options);
    for (const deadline = Date.now() + 30_000; !fs.readFileSync(log, "utf8").includes(word); await sleep(10))
      if (Date.now() > deadline) throw new Error(`${argv[0]} does not say "${word}": ${fs.readFileSync(log, "utf8")}`);
    return pid;
  }

  /** Ends a process, and returns when it has ended. */
  kill(pid: string, signal: "KILL" | "TERM" = "KILL"): void {
    this.run(["bash", "-c", `kill -${signal} ${pid} && while kill -0 ${pid} 2>/dev/null; do sleep 0.02; done`]);
  }

  /** Whether a process runs whose executable's name begins so. */
  runs(executable: string): boolean {
    return this.run(["bash", "-c", "readlink /proc/[0-9]*/exe || true"])
      .split("\n")
      .some((name) => name.startsWith(executable));
  }

  /** Waits for what will be. @throws Error after a minute */
  async until(isSo: () => boolean): Promise<void> {
    for (const deadline = Date.now() + 60_000; !isSo(); await sleep(10))
      if (Date.now() > deadline) throw new Error(`Waited in vain until ${isSo}`);
  }

  /** Where a file of the sandbox is for a process outside of it. */
  seenFromOutside(file: string): string {
    return path.join("/proc", this.#pid, "root", file);
  }

  write(file: string, text: string): void {
    const place = this.seenFromOutside(file);
    fs.mkdirSync(path.dirname(place), { recursive: true });
    fs.writeFileSync(place, text);
  }

  /** What is in a folder of the sandbox, sorted; [] where there is none. */
  files(folder: string): string[] {
    const place = this.seenFromOutside(folder);
    return fs.existsSync(place) ? fs.readdirSync(place).sort() : [];
  }

  /** Ends every process inside, and with them the namespaces; then removes what is left on the machine. */
  async dispose(): Promise<void> {
    const ended = once(this.#init, "exit");
    process.kill(Number(this.#pid), "SIGKILL");
    await ended;
    for (const hierarchy of ["", ...fs.readdirSync(CGROUPS)]) removeCgroups(path.join(CGROUPS, hierarchy, this.cgroup));
    fs.rmSync(this.dir, { recursive: true, force: true });
  }

  #inside(argv: readonly string[], { netns, environment = {} }: Options): string[] {
    const assignments = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const enter = ["nsenter", `--target=${this.#pid}`, "--net", "--mount", "--pid", "--wd=/"];
    const namespace = netns === undefined ? [] : ["nsenter", `--net=/run/netns/${netns}`];
    return [...enter, "--", ...namespace, "env", ...assignments, ...argv];
  }

  /** Makes the namespace `outside`, on one wire with the node. */
  connectOutside(): void {
    this.run(["ip", "netns", "add", "outside"]);
    this.run(["ip", "link", "add", "uplink", "type", "veth", "peer", "name", "eth0", "netns", "outside"]);
    for (const [netns, link, last] of [
      [undefined, "uplink", 1],
      ["outside", "eth0", 2],
    ] as const) {
      const options = netns === undefined ? {} : { netns };
      for (const prefix of [`192.0.2.${last}/24`, `2001:db8::${last}/64`])
        this.run(["ip", "addr", "add", prefix, "dev", link, ...(prefix.includes(":") ? ["nodad"] : [])], options);
      for (const name of [link, "lo"]) this.run(["ip", "link", "set", name, "up"], options);
    }
    writePages(this.dir);
    serve(this, this.dir, { netns: "outside" });
  }
}

/** What the first process inside does. It says its process id, as outside sees it, and ends when the test lets go of its standard input. */
const INIT = `
set -e
read -r pid _ </proc/self/stat
mount -t proc none /proc
# A copy of a mounted network namespace would keep it alive. \`ip netns\` mounts its folder upon itself, hence the second pass.
for pass in 1 2; do
  tac /proc/mounts | while read -r _ place type _; do
    if [ "$type" = nsfs ] || [ "$place" = /run/netns ]; then umount --lazy "$place" || true; fi
  done 2>/dev/null
done
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/lock /run/netns /run/cgroup /run/changes
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs none /sys
mount --rbind /run/cgroup /sys/fs/cgroup
umount --lazy /run/cgroup
for tree in etc opt var; do
  mkdir -p /run/changes/$tree/{upper,work}
  mount -t overlay -o lowerdir=/$tree,upperdir=/run/changes/$tree/upper,workdir=/run/changes/$tree/work none /$tree
done
for folder in /var/lib/cni /var/lib/containerd /var/lib/containers ${PLUGIN_DIR}; do
  mkdir -p $folder
  mount -t tmpfs none $folder
done
if [ -d ${DEBIAN_PLUGIN_DIR} ]; then mount -t tmpfs none ${DEBIAN_PLUGIN_DIR}; fi
ip link set lo up
echo $pid
read -r _
`;

async function firstLine(child: ChildProcess): Promise<string> {
  let [out, err] = ["", ""];
  child.stderr?.on("data", (chunk: Buffer) => {
    err += chunk;
  });
  await new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => reject(new Error(`Cannot make a sandbox: ${err}`)));
    child.stdout?.on("data", (chunk: Buffer) => {
      out += chunk;
      if (out.includes("\n")) resolve();
    });
  });
  return out.trim();
}

/** Where control groups are: one hierarchy, or one in each folder. */
export const CGROUPS = "/sys/fs/cgroup";

/** Removes a control group with all below it; they are empty when their processes have ended. */
export function removeCgroups(folder: string): void {
  if (!fs.existsSync(folder)) return;
  for (const entry of fs.readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeCgroups(path.join(folder, entry.name));
  fs.rmdirSync(folder);
}
