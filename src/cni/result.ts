import type { Address } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import type { Prefix } from "../ip/prefix.ts";
import { CniError } from "./error.ts";
import { formatValue } from "./issue.ts";
import { findMember, formatJson, isObject, kindOf } from "./json.ts";
import { formatResult1x, parseResult1x } from "./result-1x.ts";
import { formatResult02x, parseResult02x } from "./result-02x.ts";
import { formatResult04x, parseResult04x } from "./result-04x.ts";
import { isSpecVersion, type SpecVersion } from "./version.ts";

/** An interface of the attachment; without `sandbox` it is the host's. */
export interface Interface {
  readonly name: string;
  /** As the reporting plugin wrote it. */
  readonly mac?: Mac | undefined;
  readonly mtu?: number | undefined;
  /** Path of the network namespace that the interface is in. */
  readonly sandbox?: string | undefined;
  readonly socketPath?: string | undefined;
  readonly pciID?: string | undefined;
}

/** An address of the attachment. */
export interface IpConfig {
  /** Index into the result's interfaces. */
  readonly interface?: number | undefined;
  readonly address: Prefix;
  readonly gateway?: Address | undefined;
}

/** A route; `dst` keeps its host bits. `mtu` and `advmss` are in bytes, `scope` and `table` are the kernel's numbers. */
export interface Route {
  readonly dst: Prefix;
  readonly gw?: Address | undefined;
  readonly mtu?: number | undefined;
  readonly advmss?: number | undefined;
  readonly priority?: number | undefined;
  readonly table?: number | undefined;
  readonly scope?: number | undefined;
}

/** Resolver settings. */
export interface Dns {
  readonly nameservers?: readonly string[] | undefined;
  readonly domain?: string | undefined;
  readonly search?: readonly string[] | undefined;
  readonly options?: readonly string[] | undefined;
}

/** What ADD reports, in the newest version's shape. Other versions exist only in text. */
export interface Result {
  readonly interfaces: readonly Interface[];
  readonly ips: readonly IpConfig[];
  readonly routes: readonly Route[];
  readonly dns: Dns;
}

/** The versions that share a result shape, how it is read and how it is written: functions, so that of the shapes only the one in use is loaded. */
interface Family {
  readonly versions: readonly string[];
  readonly parse: (json: unknown) => Result;
  readonly format: (result: Result, version: SpecVersion) => Readonly<Record<string, unknown>>;
}

/** "" is a version of the oldest shape, as in the reference library. */
const FAMILIES: readonly Family[] = [
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
 * Reads a result in the shape of `version`. A cniVersion inside it must be of a version with the same shape; without
 * one it is taken to be of `version`. @throws CniError decodingFailure
 */
export function parseResult(json: unknown, version: SpecVersion): Result {
  if (!isObject(json)) throw new CniError("decodingFailure", `a result must be an object, found ${kindOf(json)}`);
  const { versions, parse } = familyOf(version);
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
 * Reads the result of another plugin in whatever version it says it is, in `version` where it says none; null is an
 * empty result. @throws CniError decodingFailure
 */
export function parseDelegatedResult(json: unknown, version: SpecVersion): Result {
  const members = json ?? {};
  const own = (isObject(members) ? ownVersion(members) : undefined) ?? version;
  if (typeof own === "string" && isSpecVersion(own)) return parseResult(members, own);
  throw new CniError("decodingFailure", `unsupported CNI result version ${formatValue(own)}`);
}

/**
 * The result as JSON in the shape of `version`, byte for byte as the reference prints it: four spaces, no line end.
 * What the version has no place for is left out. @throws CniError invalidConfig for 0.1.0 and 0.2.0 without an address
 */
export function formatResult(result: Result, version: SpecVersion): string {
  return formatJson(familyOf(version).format(result, version));
}

/** The version that a result says it is; an empty one says nothing. */
function ownVersion(json: Readonly<Record<string, unknown>>): unknown {
  const own = findMember(json, "cniVersion");
  return own === "" ? undefined : own;
}

function familyOf(version: SpecVersion): Family {
  const family = FAMILIES.find(({ versions }) => versions.includes(version));
  if (family === undefined) throw new RangeError(`No result shape for version "${version}"`);
  return family;
}
