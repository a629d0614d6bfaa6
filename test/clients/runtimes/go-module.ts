import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { withGo } from "../../parity/go.ts";

/** Where programs are kept that are made once. */
export const cache = path.join(import.meta.dirname, "../../../.cache/runtimes");

/** A program that is built from Go modules. */
export interface GoProgram {
  readonly name: string;
  readonly version: string;
  /** The package's path. */
  readonly main: string;
  /** Modules with their versions, as `example.org/module v1.2.3`. Others come in the versions that these require. */
  readonly required: readonly string[];
  /** Build tags. */
  readonly tags?: readonly string[];
  /** Whether the program is the package's tests. */
  readonly isTest?: boolean;
  /** Changes the folder where it is built before that; it has a go.mod. */
  readonly prepare?: (folder: string, run: (...argv: string[]) => string) => void;
}

/** A program's executable, made once. @throws Error that says what was tried */
export function goExecutable(program: GoProgram): string {
  const file = path.join(cache, `${program.name}-${program.version}`);
  if (!fs.existsSync(file)) withGo(`Cannot make ${program.name} ${program.version}`, (go) => build(go, program, file));
  return file;
}

/** The folder of a module's sources, downloaded, for `prepare`, which is given `run`. `module` is as `example.org/module@v1.2.3`. */
export function sourcesOf(module: string, run: (...argv: string[]) => string): string {
  return JSON.parse(run("mod", "download", "-json", module)).Dir;
}

function build(go: string, program: GoProgram, file: string): void {
  const { name, main, required, tags = [], isTest = false, prepare } = program;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `${name}-`));
  const lines = [`module ${name}`, "go 1.21", ...required.map((module) => `require ${module}`)];
  fs.writeFileSync(path.join(folder, "go.mod"), `${lines.join("\n")}\n`);
  const run = (...argv: string[]) => mustRun(go, argv, folder);
  const draft = `${file}.${process.pid}`;
  try {
    prepare?.(folder, run);
    fs.mkdirSync(cache, { recursive: true });
    const command = isTest ? ["test", "-c"] : ["build"];
    run(...command, "-mod=mod", "-trimpath", "-buildvcs=false", `-tags=${tags.join(",")}`, "-o", draft, main);
    fs.renameSync(draft, file);
  } finally {
    fs.rmSync(draft, { force: true });
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function mustRun(go: string, argv: readonly string[], cwd: string): string {
  const child = spawnSync(go, argv, { cwd, encoding: "utf8", env: { ...process.env, CGO_ENABLED: "0" } });
  if (child.error !== undefined) throw child.error;
  if (child.status !== 0) throw new Error(child.stderr.trim());
  return child.stdout;
}
