import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { Lab } from "../lab.ts";
import type { Job, Timing } from "./worker.ts";

export interface Entry {
  readonly name: string;
  readonly bin: string;
  /** Members put over the configuration. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** One of those that are measured, in a lab of its own, with a process in the lab's host namespace that starts its plugins. */
export class Contender {
  readonly name: string;
  readonly #lab = new Lab();
  readonly #netns = this.#lab.addNamespace("c1");
  readonly #worker: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #bin: string;
  readonly #config: Readonly<Record<string, unknown>>;

  constructor({ name, bin, config }: Entry) {
    this.name = name;
    this.#bin = bin;
    this.#config = {
      cniVersion: "1.1.0",
      name: "bench",
      type: "bridge",
      bridge: "bench0",
      isGateway: true,
      ipam: {
        type: "host-local",
        dataDir: this.#lab.dataDir,
        ranges: [[{ subnet: "10.1.0.0/16" }]],
        routes: [{ dst: "0.0.0.0/0" }],
      },
      ...config,
    };
    const argv = [`--net=${this.#lab.host}`, "--", process.execPath, path.join(import.meta.dirname, "worker.ts")];
    const worker = spawn("nsenter", argv, { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = createInterface(worker.stdout)[Symbol.asyncIterator]();
    this.#worker = worker;
  }

  /** Runs the plugin once. @throws Error when it fails, with what it printed */
  async run(command: string, options: { prevResult?: unknown } = {}): Promise<Timing> {
    const job: Job = {
      file: path.join(this.#bin, "bridge"),
      input: JSON.stringify({ ...this.#config, ...options }),
      env: {
        PATH: process.env["PATH"] ?? "",
        CNI_COMMAND: command,
        CNI_CONTAINERID: "c1",
        CNI_NETNS: this.#netns,
        CNI_IFNAME: "eth0",
        CNI_PATH: this.#bin,
      },
    };
    this.#worker.stdin?.write(`${JSON.stringify(job)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error(`The process that starts the plugins of ${this.name} has ended`);
    const timing: Timing = JSON.parse(value);
    if (timing.status !== 0) throw new Error(`${this.name} ${command} failed with ${timing.status}: ${timing.stdout}`);
    return timing;
  }

  dispose(): void {
    this.#worker.kill();
    this.#lab.dispose();
  }
}
