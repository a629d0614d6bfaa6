import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Exit } from "../../src/cni/exit.ts";
import type { LaunchOptions } from "../../src/cni/plugin-process.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";

/** One plugin call that a fake plugin saw. */
export interface SeenCall {
  readonly type: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: string;
}

/** How a fake plugin answers; what is not said is an empty success. */
export type Answer = (call: SeenCall) => Partial<{ stdout: string; stderr: string; status: number }>;

/** A caller's side in a temporary folder: network lists, plugins that are functions, a result cache. */
export interface World {
  readonly directory: string;
  readonly runtime: Runtime;
  readonly calls: SeenCall[];
  readonly logged: string[];
  /** Adds a plugin. */
  plugin(type: string, answer?: Answer): void;
  /** Writes a file below the folder and returns its path; what is not text becomes JSON. */
  write(file: string, content: unknown): string;
  read(file: string): string;
  files(folder: string): string[];
  dispose(): void;
}

export function makeWorld(): World {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "cni-runtime-"));
  const answers = new Map<string, Answer>();
  const calls: SeenCall[] = [];
  const logged: string[] = [];
  const below = (file: string) => path.join(directory, file);

  function launch(executable: string, options: LaunchOptions) {
    const type = path.basename(executable);
    const call = { type, environment: options.environment, stdin: Buffer.from(options.stdin).toString() };
    calls.push(call);
    const { stdout = "", stderr = "", status = 0 } = answers.get(type)?.(call) ?? {};
    const exit: Exit = { status, signal: undefined, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr) };
    return { begin: () => {}, wait: () => exit, abandon: () => {} };
  }

  function write(file: string, content: unknown): string {
    fs.mkdirSync(path.dirname(below(file)), { recursive: true });
    fs.writeFileSync(below(file), typeof content === "string" ? content : JSON.stringify(content));
    return below(file);
  }

  return {
    directory,
    calls,
    logged,
    write,
    runtime: {
      launch,
      path: [below("bin")],
      environment: { HOME: "/root" },
      cacheDirectory: below("cache"),
      log: (line) => logged.push(line),
    },
    plugin: (type, answer = () => ({})) => {
      write(`bin/${type}`, "");
      answers.set(type, answer);
    },
    read: (file) => fs.readFileSync(below(file), "utf8"),
    files: (folder) => (fs.existsSync(below(folder)) ? fs.readdirSync(below(folder)).sort() : []),
    dispose: () => fs.rmSync(directory, { recursive: true, force: true }),
  };
}
