import { reasonOf } from "../cni/error.ts";
import type { Rebuilding } from "../cni/rebuilding.ts";
import type { Defer } from "./undo.ts";

/** One thing that can be rebuilt. */
export interface Rebuild {
  /** What it is, in a few words. */
  readonly what: string;
  /** Rebuilds what is missing. Returns whether anything was. */
  readonly run: () => boolean;
}

/** Runs every step, also after one that failed. */
export function rebuildAll(steps: readonly Rebuild[]): Rebuilding {
  const rebuilt: string[] = [];
  const failed: string[] = [];
  for (const { what, run } of steps) {
    try {
      if (run()) rebuilt.push(what);
    } catch (error) {
      failed.push(`${what}: ${reasonOf(error)}`);
    }
  }
  return { rebuilt, failed };
}

/** What a rebuilding step did stays when a later one fails. */
export const KEPT: Defer = () => {};
