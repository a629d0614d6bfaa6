import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import type { LaunchOptions } from "../../../src/linux/child.ts";
import { type Invocation, invocationFor } from "../../../src/netfilter/iptables/tool.ts";

/** How a command ends, and what it prints. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A folder with executables of these names, which is deleted after the file's tests. */
export function installTools(...names: readonly string[]): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "iptables-"));
  afterAll(() => fs.rmSync(folder, { recursive: true }));
  for (const name of names) fs.writeFileSync(path.join(folder, name), "", { mode: 0o755 });
  return folder;
}

/** Commands of a folder that give these answers one after the other and then succeed; and what was started, without the waiting time. */
export function stageCommands(
  folder: string,
  answers: readonly Answer[] = [],
): { invocation: Invocation; started: readonly string[] } {
  const started: string[] = [];
  const left = [...answers];
  const launch = (executable: string, { args = [], stdin }: LaunchOptions) => {
    const input = new TextDecoder().decode(stdin);
    started.push([path.basename(executable), ...args.filter((arg) => !/^(-w|--wait|\d+)$/.test(arg)), input].join(" "));
    const { status, text } = left.shift() ?? { status: 0, text: "" };
    const bytes = new TextEncoder().encode(text);
    return {
      begin: () => {},
      abandon: () => {},
      wait: () => ({ status, signal: undefined, stdout: bytes, stderr: bytes }),
    };
  };
  return { invocation: invocationFor({ environment: { PATH: folder }, launch, restores: undefined }), started };
}
