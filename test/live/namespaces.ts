import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";

/** Network namespaces of a test's own, all removed by `dispose`. Needs root; fails without. */
export class Namespaces {
  readonly #id = `ns${process.pid}${randomBytes(2).toString("hex")}`;
  readonly #names: string[] = [];

  /** Makes a namespace with lo up; returns its path. */
  add(name: string): string {
    const full = `${this.#id}-${name}`;
    run(["ip", "netns", "add", full]);
    this.#names.push(full);
    const path = `/run/netns/${full}`;
    this.run(path, "ip link set lo up");
    return path;
  }

  /** Runs a command in a namespace; returns what it printed, throws when it fails. */
  run(netns: string, command: string): string {
    return run(["nsenter", `--net=${netns}`, ...command.split(" ")]);
  }

  /** What `ip -json` prints there, decoded. */
  ip(netns: string, args: string): unknown {
    return JSON.parse(this.run(netns, `ip -json ${args}`));
  }

  dispose(): void {
    for (const name of this.#names.splice(0)) run(["ip", "netns", "delete", name]);
  }
}

function run([file = "", ...args]: readonly string[]): string {
  const { status, error, stdout, stderr } = spawnSync(file, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${file} ${args.join(" ")} failed: ${error?.message ?? stderr}`);
  return stdout;
}
