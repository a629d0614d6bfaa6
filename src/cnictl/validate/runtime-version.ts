import { isObject } from "../../cni/json.ts";
import { parseVersion } from "../../cni/version.ts";
import { startChild } from "../../linux/child.ts";
import { findExecutable } from "../../netfilter/executable.ts";
import { ifPossible } from "../../platform/outcome.ts";
import type { Report } from "./finding.ts";
import type { Source } from "./source.ts";

/** How long in ms containerd may take to print its version. */
const PATIENCE = 5_000;

/** The newest version of the specification that containerd 1 knows. */
const NEWEST_OF_CONTAINERD_1 = [1, 0, 0];

/** The version of the containerd that is installed, as in "1.7.24"; undefined if there is none or it does not say. */
export function findContainerd(environment: Readonly<Record<string, string>>): string | undefined {
  const executable = findExecutable(["containerd"], environment);
  if (executable === undefined) return undefined;
  const options = { args: ["--version"], environment, stdin: new Uint8Array(), deadline: PATIENCE, maxOutput: 1 << 16 };
  const ended = ifPossible(() => startChild(executable, options).wait());
  return ended && /\bv?(\d+\.\d+\.\d+)/.exec(new TextDecoder().decode(ended.stdout))?.[1];
}

/** Reports a version that the installed containerd refuses. It reads `cniVersion` alone, not `cniVersions`. */
export function examineRuntime({ document }: Source, containerd: string | undefined, report: Report): void {
  const version = isObject(document.json) ? document.json["cniVersion"] : undefined;
  if (containerd === undefined || !containerd.startsWith("1.") || typeof version !== "string") return;
  const parts = parseVersion(version);
  if (parts === undefined || compare(parts, NEWEST_OF_CONTAINERD_1) <= 0) return;
  const message = `containerd ${containerd} is installed, and takes version 1.0.0 at most`;
  report(document, "warning", {
    path: ["cniVersion"],
    message,
    hint: 'set it to "1.0.0" if containerd uses this network',
  });
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a.map((part, index) => part - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}
