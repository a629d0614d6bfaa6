import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { binDir } from "../lab.ts";

/** How a call of the executable ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

export interface HostLocalCall {
  readonly containerId?: string;
  readonly args?: string;
  /** Path of the network namespace. */
  readonly netns?: string;
  /** What runs the executable: `strace -o /dev/null …`, say. */
  readonly wrapper?: readonly string[];
  /** Folder of the executable, where it is not the one under test. */
  readonly bin?: string;
}

/** A network's configuration with its leases below a folder of the test's own. */
export interface Network {
  readonly dataDir: string;
  readonly folder: string;
  readonly config: object;
}

/** A network named "net" with these range sets, each a list of subnets. */
export function networkOf(sets: readonly (readonly string[])[], dataDir = temporaryFolder()): Network {
  const ranges = sets.map((set) => set.map((subnet) => ({ subnet })));
  const config = { cniVersion: "1.1.0", name: "net", type: "bridge", ipam: { type: "host-local", dataDir, ranges } };
  return { dataDir, folder: path.join(dataDir, "net"), config };
}

/** Starts the executable; `ended` resolves when it has. Needs no network namespace, for host-local touches none. */
export function startHostLocal(command: string, network: Network, call: HostLocalCall = {}) {
  const file = path.join(call.bin ?? binDir, "host-local");
  if (!fs.existsSync(file)) throw new Error(`Cannot find ${file}: run "npm run build" first`);
  const [program = file, ...args] = [...(call.wrapper ?? []), file];
  const started = performance.now();
  const child = spawn(program, args, {
    stdio: "pipe",
    env: {
      PATH: process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin",
      CNI_COMMAND: command,
      CNI_CONTAINERID: call.containerId ?? "c1",
      CNI_NETNS: call.netns ?? "/run/netns/nonexistent",
      CNI_IFNAME: "eth0",
      CNI_PATH: binDir,
      ...(call.args === undefined ? {} : { CNI_ARGS: call.args }),
    },
  });
  // A child that is killed before it has read everything breaks the pipe.
  child.stdin.on("error", () => {});
  child.stdin.end(JSON.stringify(network.config));
  return { child, ended: collect(child, started) };
}

/** Runs the executable to its end. */
export function hostLocal(command: string, network: Network, call: HostLocalCall = {}): Promise<Ended> {
  return startHostLocal(command, network, call).ended;
}

/** The addresses, without prefix lengths, that an ADD printed. */
export function addressesOf(ended: Ended): string[] {
  if (ended.status !== 0) throw new Error(`ADD failed with ${ended.status}: ${ended.stdout}${ended.stderr}`);
  return JSON.parse(ended.stdout).ips.map((ip: { address: string }) => ip.address.split("/")[0]);
}

/** A network's files by name, with what they say; a folder says "<folder>". Without .state, which is beside them. */
export function filesOf(network: Network): Record<string, string> {
  if (!fs.existsSync(network.folder)) return {};
  const entries = fs.readdirSync(network.folder, { withFileTypes: true }).filter(({ name }) => name !== ".state");
  const sorted = entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  return Object.fromEntries(
    sorted.map((entry) => [
      entry.name,
      entry.isDirectory() ? "<folder>" : fs.readFileSync(path.join(network.folder, entry.name), "utf8"),
    ]),
  );
}

/** A fresh folder; removeFolders takes it away. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "host-local-"));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];

export function removeFolders(): void {
  for (const folder of folders.splice(0)) fs.rmSync(folder, { recursive: true, force: true });
}

function collect(child: ChildProcess, started: number): Promise<Ended> {
  const output = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => {
    output.stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    output.stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => {
      resolve({ status, signal, ...output, milliseconds: performance.now() - started });
    });
  });
}
