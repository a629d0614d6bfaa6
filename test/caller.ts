import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { binDir, Lab, type Outcome } from "./lab.ts";

/** The network lists that the product ships. */
export const confDir = path.resolve(import.meta.dirname, "../conf");

/** Puts the folder $0 in the place of /var/lib/cni, for one program and what it starts. */
const OWN_STATE = 'mount -t tmpfs none /var/lib && mkdir /var/lib/cni && mount --bind "$0" /var/lib/cni && exec "$@"';

/** Where callers find networks and plugins; other variables of theirs. */
export type Variables = Readonly<Record<string, string>>;

/**
 * A lab in which cnictl and cnitool are run as on a node: with their own /var/lib/cni (results and leases), the shipped
 * network lists, and the executables under test.
 */
export class Caller {
  readonly lab = new Lab();
  readonly #state = path.join(this.lab.dir, "state");

  constructor() {
    fs.mkdirSync(this.#state);
  }

  cnictl(args: readonly string[], variables: Variables = {}): Outcome {
    return this.run([path.join(binDir, "cnictl"), ...args], variables);
  }

  /** Runs a program that calls plugins, on the lab's host. */
  run(argv: readonly string[], variables: Variables = {}): Outcome {
    const environment = { NETCONFPATH: confDir, CNI_PATH: binDir, ...variables };
    const assignments = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    return this.lab.try(["unshare", "--mount", "sh", "-c", OWN_STATE, this.#state, "env", ...assignments, ...argv]);
  }

  /** The same without waiting. Whoever starts it ends it: it leads a group of processes. */
  start(argv: readonly string[], variables: Variables = {}): ChildProcess {
    const environment = { NETCONFPATH: confDir, CNI_PATH: binDir, ...variables };
    const assignments = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const call = ["unshare", "--mount", "sh", "-c", OWN_STATE, this.#state, "env", ...assignments, ...argv];
    const options = { stdio: "inherit", detached: true } as const;
    return spawn("nsenter", [`--net=${this.lab.host}`, "--", ...call], options);
  }

  /** Files below /var/lib/cni, sorted; [] where there is no such folder. */
  files(folder: string): string[] {
    const place = path.join(this.#state, folder);
    return fs.existsSync(place) ? fs.readdirSync(place).sort() : [];
  }

  /** The only file of the result cache. */
  result(): string {
    const [name = "", ...others] = this.files("results");
    if (name === "" || others.length > 0) throw new Error(`Expected one result, found ${[name, ...others].join(", ")}`);
    return fs.readFileSync(path.join(this.#state, "results", name), "utf8");
  }

  /** Puts text into the only file of the result cache. */
  spoilResult(text: string): void {
    const [name = ""] = this.files("results");
    fs.writeFileSync(path.join(this.#state, "results", name), text);
  }

  /** Takes a file out of the result cache. */
  forget(name: string): void {
    fs.rmSync(path.join(this.#state, "results", name));
  }

  dispose(): void {
    this.lab.dispose();
  }
}

/** What a program printed as JSON, after it succeeded. */
export function jsonOf({ status, stdout, stderr }: Outcome): unknown {
  if (status !== 0) throw new Error(`exit ${status}: ${stderr}${stdout}`);
  return JSON.parse(stdout);
}
