import fs from "node:fs";
import path from "node:path";
import { PLUGIN_DIR, type Sandbox } from "../runtimes/sandbox.ts";

/** Ends plugins in the midst of their work, without any warning: the next $1 that come by. Each call of theirs takes some milliseconds. */
const KILL = `
left=$1
while [ $left -gt 0 ]; do
  for exe in /proc/[0-9]*/exe; do
    if [ $left -gt 0 ] && [ $exe -ef ${PLUGIN_DIR}/cnictl ]; then
      pid=\${exe#/proc/}
      kill -KILL \${pid%/exe} && echo killed && left=$((left - 1))
      # The next one is to be another call.
      sleep 0.5
    fi
  done
done
`;

/** Kills plugins on a node. */
export class PluginKiller {
  readonly #node: Sandbox;
  readonly #log: string;
  readonly #pid: string;

  /** Begins to look for `count` of them. */
  constructor(node: Sandbox, count: number) {
    this.#node = node;
    this.#log = path.join(node.dir, "killed.log");
    fs.rmSync(this.#log, { force: true });
    this.#pid = node.start(["bash", "-c", KILL, "bash", String(count)], this.#log);
  }

  /** How many have been killed. */
  get killed(): number {
    return fs.readFileSync(this.#log, "utf8").split("killed\n").length - 1;
  }

  /** Looks for no more. */
  stop(): void {
    this.#node.run(["bash", "-c", `kill ${this.#pid} || true`]);
  }
}
