import { CniError } from "./error.ts";

/** The versions of the specification that are spoken, oldest first, as every VERSION answer lists them. */
export const SPEC_VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;

/** One of the spoken versions of the specification. */
export type SpecVersion = (typeof SPEC_VERSIONS)[number];

/** What a missing or empty cniVersion means. SPEC.md, "Network configuration" */
export const DEFAULT_VERSION = "0.1.0";

/** The newest spoken version, which a VERSION answer names as its own. */
export const CURRENT_VERSION = "1.1.0";

/** Whether the text is literally one of the spoken versions; "1.0" is not. */
export function isSpecVersion(text: string): text is SpecVersion {
  return SPEC_VERSIONS.some((version) => version === text);
}

/** Reads one to three integers with dots between them; missing parts are 0 and "" is 0.1.0. Anything else is undefined. */
export function parseVersion(text: string): readonly [number, number, number] | undefined {
  const parts = (text === "" ? DEFAULT_VERSION : text).split(".");
  if (parts.length > 3 || !parts.every((part) => /^[+-]?[0-9]+$/.test(part))) return undefined;
  const [major = 0, minor = 0, patch = 0] = parts.map(Number);
  return [major, minor, patch];
}

/** Orders two versions, each as parseVersion reads it. Negative, zero or positive. @throws RangeError on text that is no version */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  if (left === undefined || right === undefined) throw new RangeError(`Cannot compare version "${a}" with "${b}"`);
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

/** The version of the specification that brought each of the later verbs. */
const SINCE: Readonly<Record<string, SpecVersion>> = { CHECK: "0.4.0", GC: "1.1.0", STATUS: "1.1.0" };

/**
 * The version that a verb is served in: the configuration's, which must be literally one of the plugin's.
 * @throws CniError incompatibleVersion, or decodingFailure for text that is no version
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
