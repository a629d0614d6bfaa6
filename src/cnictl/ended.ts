import fs from "#fs";
import { readText } from "../linux/bounded-file.ts";
import { ifPossible } from "../platform/outcome.ts";
import { pause } from "../platform/pause.ts";
import { findCached } from "../runtime/cache.ts";
import type { CachedEntry } from "../runtime/cache-entry.ts";
import type { Edge } from "./edge.ts";

/** How long in ms to look for attachments that end, after the last sign of a DEL. The DEL of a list takes some tens. */
const CALM_MS = 500;

/** The pause between two looks, and the longest time of all, in ms. */
const LOOK_MS = 50;
const MOST_MS = 30_000;

/**
 * Yields each attachment that ends now. A DEL that runs beside the caller may have looked for rules before the caller wrote them. It shows
 * when it has deleted the interface and the result of ADD, for which this waits while a DEL of one of the containers is running.
 */
export function* watchForEnd(
  { isLiving, findInside }: Pick<Edge, "isLiving" | "findInside">,
  directory: string,
  entries: readonly CachedEntry[],
): Generator<CachedEntry> {
  const start = performance.now();
  let calm = start;
  let left = entries;
  const hasEnded = ({ network, attachment }: CachedEntry) => {
    if (findCached({ directory, network, attachment }) !== undefined) return false;
    const { netns, ifname } = attachment;
    return !isLiving(netns) || findInside(netns, ifname) === undefined;
  };
  while (left.length > 0) {
    const ended = left.filter(hasEnded);
    yield* ended;
    left = left.filter((entry) => !ended.includes(entry));
    const now = performance.now();
    if (now - start > MOST_MS) return;
    if (now - calm > CALM_MS) {
      if (!isBeingDeleted(left)) return;
      calm = now;
    }
    pause(LOOK_MS);
  }
}

/** Whether a plugin's DEL of one of the containers is running. */
function isBeingDeleted(entries: readonly CachedEntry[]): boolean {
  const ids = new Set(entries.map(({ attachment }) => attachment.containerId));
  return fs.readdirSync("/proc").some((pid) => {
    if (!/^[0-9]+$/.test(pid)) return false;
    const variables = readVariables(pid);
    if (!variables.includes("CNI_COMMAND=DEL")) return false;
    const id = variables.find((each) => each.startsWith("CNI_CONTAINERID="));
    return id !== undefined && ids.has(id.slice("CNI_CONTAINERID=".length));
  });
}

/** The variables of a process; none if it has ended. */
function readVariables(pid: string): readonly string[] {
  return ifPossible(() => readText(`/proc/${pid}/environ`).split("\0")) ?? [];
}
