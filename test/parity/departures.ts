import type { Departure } from "./difference.ts";

/** Where ours departs from the reference in every scenario, and why. */
export const EVERYWHERE: readonly Departure[] = [];
