import { CniError } from "./error.ts";
import { formatValue } from "./issue.ts";
import { findMember, formatJson, isObject, kindOf } from "./json.ts";
import type { Result } from "./result.ts";
import { formatResult1x, parseResult1x } from "./result-1x.ts";
import { formatResult02x, parseResult02x } from "./result-02x.ts";
import { formatResult04x, parseResult04x } from "./result-04x.ts";
import { isSpecVersion, type SpecVersion } from "./version.ts";

/** The versions that share a result format, with its reader and writer. These are functions, so only the format in use is loaded. */
interface Shape {
  readonly versions: readonly string[];
  readonly parse: (json: unknown) => Result;
  readonly format: (result: Result, version: SpecVersion) => Readonly<Record<string, unknown>>;
}

/** "" counts as a version of the oldest format, as in the reference library. */
const SHAPES: readonly Shape[] = [
  {
    versions: ["", "0.1.0", "0.2.0"],
    parse: (json) => parseResult02x(json),
    format: (result, version) => formatResult02x(result, version),
  },
  {
    versions: ["0.3.0", "0.3.1", "0.4.0"],
    parse: (json) => parseResult04x(json),
    format: (result, version) => formatResult04x(result, version),
  },
  {
    versions: ["1.0.0", "1.1.0"],
    parse: (json) => parseResult1x(json),
    format: (result, version) => formatResult1x(result, version),
  },
];

/**
 * Reads a result in the format of `version`. Its own cniVersion, if any, must be a version of that format. @throws CniError
 * decodingFailure
 */
export function parseResult(json: unknown, version: SpecVersion): Result {
  if (!isObject(json)) throw new CniError("decodingFailure", `a result must be an object, found ${kindOf(json)}`);
  const { versions, parse } = shapeOf(version);
  const own = ownVersion(json) ?? version;
  if (!versions.some((each) => each === own)) {
    const found = formatValue(own);
    throw new CniError(
      "decodingFailure",
      `result type supports [${versions.join(" ")}] but unmarshalled CNIVersion is ${found}`,
    );
  }
  try {
    return parse(json);
  } catch (error) {
    if (error instanceof CniError) throw new CniError("decodingFailure", error.message, { cause: error });
    throw error;
  }
}

/**
 * Reads another plugin's result in the version that it states, or in `version` if it states none. Null is an empty result.
 * @throws CniError decodingFailure
 */
export function parseDelegatedResult(json: unknown, version: SpecVersion): Result {
  const members = json ?? {};
  const own = (isObject(members) ? ownVersion(members) : undefined) ?? version;
  if (typeof own === "string" && isSpecVersion(own)) return parseResult(members, own);
  throw new CniError("decodingFailure", `unsupported CNI result version ${formatValue(own)}`);
}

/**
 * The result as JSON in the format of `version`, byte for byte as the reference prints it: four spaces, no line end. Members that the
 * version does not have are left out. @throws CniError invalidConfig for 0.1.0 and 0.2.0 without an address
 */
export function formatResult(result: Result, version: SpecVersion): string {
  return formatJson(shapeOf(version).format(result, version));
}

/** The version that a result states; an empty one counts as none. */
function ownVersion(json: Readonly<Record<string, unknown>>): unknown {
  const own = findMember(json, "cniVersion");
  return own === "" ? undefined : own;
}

function shapeOf(version: SpecVersion): Shape {
  const shape = SHAPES.find(({ versions }) => versions.includes(version));
  if (shape === undefined) throw new RangeError(`No result shape for version "${version}"`);
  return shape;
}
