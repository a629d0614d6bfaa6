import { CniError } from "./error.ts";

/** The supported versions of the specification, oldest first, as every VERSION answer lists them. */
export const SPEC_VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

/** A supported version of the specification. */
export type SpecVersion = (typeof SPEC_VERSIONS)[number];

/** The version for a missing or empty cniVersion. SPEC.md, "Network configuration" */
export const DEFAULT_VERSION = "0.1.0";

/** The newest supported version, which a VERSION answer names as its own. */
export const CURRENT_VERSION = "1.1.0";

/** Whether the text is exactly a supported version; "1.0" is not. */
export function isSpecVersion(text: string): text is SpecVersion {
  return SPEC_VERSIONS.some((version) => version === text);
}

/** Reads one to three integers separated by dots. Missing parts are 0, and "" is 0.1.0. Undefined for anything else. */
export function parseVersion(text: string): readonly [number, number, number] | undefined {
  const parts = (text === "" ? DEFAULT_VERSION : text).split(".");
  if (parts.length > 3 || !parts.every((part) => /^[+-]?[0-9]+$/.test(part))) return undefined;
  const [major = 0, minor = 0, patch = 0] = parts.map(Number);
  return [major, minor, patch];
}

/**
 * Compares two versions as parseVersion reads them. Returns a negative number, zero or a positive number. @throws RangeError if a text
 * is not a version
 */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  if (left === undefined || right === undefined) throw new RangeError(`Cannot compare version "${a}" with "${b}"`);
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

/** The version of the specification that added each of the later verbs. */
const SINCE: Readonly<Record<string, SpecVersion>> = { CHECK: "0.4.0", GC: "1.1.0", STATUS: "1.1.0" };

/**
 * The version for a call: that of the configuration, which must be exactly one that the plugin supports. @throws CniError
 * incompatibleVersion, or decodingFailure for a text that is not a version
 */
export function agreeOnVersion(verb: string, wanted: string, supported: readonly SpecVersion[]): SpecVersion {
  const agreed = supported.find((each) => each === wanted);
  const since = SINCE[verb];
  if (since !== undefined) {
    if (parseVersion(wanted) === undefined) {
      const found = JSON.stringify(wanted);
      throw new CniError("decodingFailure", `Cannot use cniVersion ${found}: must be one to three integers with dots`);
    }
    if (compareVersions(wanted, since) < 0) refuse(`config version does not allow ${verb}`);
    if (agreed === undefined && supported.every((each) => compareVersions(each, wanted) < 0)) {
      refuse(`plugin version does not allow ${verb}`);
    }
  }
  if (agreed !== undefined) return agreed;
  const list = supported.map((each) => `"${each}"`).join(" ");
  return refuse("incompatible CNI versions", `config is ${JSON.stringify(wanted)}, plugin supports [${list}]`);
}

function refuse(message: string, details = ""): never {
  throw new CniError("incompatibleVersion", message, { details });
}
