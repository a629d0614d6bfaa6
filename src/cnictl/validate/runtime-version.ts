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

/** Reports once which lists the installed containerd refuses for their version. It reads `cniVersion` alone, not `cniVersions`. */
export function examineRuntime(sources: readonly Source[], containerd: string | undefined, report: Report): void {
  const [first, ...others] = sources.filter(({ document }) => isTooNew(document.json, containerd));
  if (first === undefined) return;
  const names = others.map(({ document }) => document.file.slice(document.file.lastIndexOf("/") + 1));
  const also =
    names.length === 0 ? "" : `; ${names.join(", ")} ${names.length === 1 ? "has" : "have"} a newer one, too`;
  const message = `${describeContainerd(containerd)}${also}`;
  const hint = 'set it to "1.0.0" if containerd uses this network';
  report(first.document, "warning", { path: ["cniVersion"], message, hint });
}

/** What is said of a containerd that refuses a list. */
export function describeContainerd(version: string | undefined): string {
  return `containerd ${version} is installed, and takes version 1.0.0 at most`;
}

/** Whether a containerd of that version refuses a list for its `cniVersion`. */
export function isTooNew(list: unknown, containerd: string | undefined): boolean {
  const version = isObject(list) ? list["cniVersion"] : undefined;
  if (containerd === undefined || !containerd.startsWith("1.") || typeof version !== "string") return false;
  const parts = parseVersion(version);
  return parts !== undefined && compare(parts, NEWEST_OF_CONTAINERD_1) > 0;
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a.map((part, index) => part - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}
