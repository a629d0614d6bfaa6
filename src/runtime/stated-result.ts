import { CniError } from "../cni/error.ts";
import { isObject } from "../cni/json.ts";
import type { Result } from "../cni/result.ts";
import { formatResult, parseResult } from "../cni/result-json.ts";
import { DEFAULT_VERSION, isSpecVersion, type SpecVersion } from "../cni/version.ts";

/** A result and its version. It is passed to the next plugin and printed in that version. */
export interface StatedResult {
  readonly version: SpecVersion;
  readonly result: Result;
}

/** Reads a result in the version that it states, or in `version` if it states none. Null is an empty result. @throws CniError */
export function parseStated(json: unknown, version: string): StatedResult {
  const object = json ?? {};
  const own = isObject(object) ? object["cniVersion"] : undefined;
  const stated = specVersion(typeof own === "string" && own !== "" ? own : version);
  return { version: stated, result: parseResult(object, stated) };
}

/** Converts a result to another version. @throws CniError if that is not a version */
export function convertStated({ result }: StatedResult, version: string): StatedResult {
  return { version: specVersion(version), result };
}

/** The result as text in its version, as cnitool prints it. */
export function formatStated({ version, result }: StatedResult): string {
  return formatResult(result, version);
}

function specVersion(text: string): SpecVersion {
  const version = text === "" ? DEFAULT_VERSION : text;
  if (isSpecVersion(version)) return version;
  throw new CniError("incompatibleVersion", `unsupported CNI result version "${text}"`);
}
