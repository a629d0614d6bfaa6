import { parseConfig } from "../../src/cni/config.ts";
import { CniError } from "../../src/cni/error.ts";
import { formatPath } from "../../src/cni/issue.ts";
import type { ParsedRequest } from "../../src/cni/parse-request.ts";
import { findMisspelt, findUnknownKeys } from "../../src/cni/unknown-key.ts";
import { succeeds } from "../../src/platform/outcome.ts";
import { completeRange, type RangeFields } from "./range-set.ts";
import { hostLocal } from "./schema.ts";

/** A range set as it is written, its number among all sets of the configuration, and why it is refused. */
interface RefusedSet {
  readonly set: readonly RangeFields[];
  readonly index: number;
  readonly error: CniError;
}

/** The error with the path to the range that is wrong. If the range has no subnet, the details say what is missing. */
export function explainRefusal(request: ParsedRequest, { set, index, error }: RefusedSet): CniError {
  const wrong = set.findIndex(isRefused);
  const range = set[wrong];
  const details = range !== undefined && range.subnet === undefined ? explainMissing(request) : error.details;
  const path = [...pathOfSet(request, index), ...(range === undefined || isLegacy(request, index) ? [] : [wrong])];
  return new CniError(error.code, error.message, { details, path, cause: error });
}

/** Says which network has a range without subnet, and names the keys that are probably misspelt. */
export function explainMissing(request: ParsedRequest): string {
  const misspelt = findUnknownKeys(hostLocal(), request.config).flatMap(({ key, path, known }) => {
    const near = path[0] === "ipam" ? findMisspelt(key, known) : undefined;
    return near === undefined ? [] : [`${formatPath(path)} is unknown: did you mean "${near}"?`];
  });
  return [`network "${request.network}": a range has no "subnet"`, ...misspelt].join("; ");
}

/** The path to a range set, by its number. */
export function pathOfSet(request: ParsedRequest, index: number): readonly PropertyKey[] {
  const { runtime, legacy } = countSets(request);
  if (index < runtime) return ["runtimeConfig", "ipRanges", index];
  return isLegacy(request, index) ? ["ipam"] : ["ipam", "ranges", index - runtime - legacy];
}

/** Whether a set is the one range of the older form. */
export function isLegacy(request: ParsedRequest, index: number): boolean {
  const { runtime, legacy } = countSets(request);
  return index >= runtime && index < runtime + legacy;
}

function countSets(request: ParsedRequest): { readonly runtime: number; readonly legacy: number } {
  const { ipam, runtimeConfig } = parseConfig(hostLocal, request.config);
  return { runtime: runtimeConfig?.ipRanges?.length ?? 0, legacy: ipam?.subnet === undefined ? 0 : 1 };
}

function isRefused(range: RangeFields): boolean {
  return !succeeds([Error], () => completeRange(range));
}
