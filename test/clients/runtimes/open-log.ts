import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PLUGIN_DIR, type Sandbox } from "./sandbox.ts";

/** Tells which files of the plugin folder were opened, which is what running one does. */
export class OpenLog {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  /** Begins to write down. */
  static async start(sandbox: Sandbox): Promise<OpenLog> {
    const file = path.join(sandbox.dir, "opened");
    const log = new OpenLog(file);
    sandbox.start(["inotifywait", "--monitor", "--event", "open", "--format", "%f", PLUGIN_DIR], file);
    while (!log.#text().includes("Watches established")) await sleep(10);
    return log;
  }

  /** The names of the plugins that ran, each once, sorted. */
  names(): string[] {
    const [, lines = ""] = this.#text().split(/^Watches established.*\n/m);
    return [...new Set(lines.split("\n").filter((line) => line !== ""))].sort();
  }

  #text(): string {
    return fs.existsSync(this.#file) ? fs.readFileSync(this.#file, "utf8") : "";
  }
}
