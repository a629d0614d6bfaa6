import { CURRENT_VERSION, compareVersions, parseVersion, type SpecVersion } from "../cni/version.ts";
import { goType, type JsonObject } from "./json-object.ts";
import { listError } from "./refusal.ts";

/**
 * The version of a list: the highest of `cniVersions` and `cniVersion` that is not newer than the newest known one. Without
 * `cniVersions`, it is `cniVersion` unchanged, even if unknown. Empty if the list has neither. @throws CniError invalidConfig
 */
export function chooseVersion(list: JsonObject): string {
  const single = singleVersion(list);
  if (!Object.hasOwn(list, "cniVersions")) return single;
  const usable = listedVersions(list["cniVersions"]);
  if (single !== "" && isUsable(single, `invalid cniVersion ${single}`)) usable.push(single);
  return usable.sort(compareVersions).at(-1) ?? single;
}

/** Whether a list's version is at least `minimum`. @throws CniError invalidConfig if the text is not a version */
export function isAtLeast(version: string, minimum: SpecVersion): boolean {
  if (parseVersion(version) === undefined) throw listError(`invalid cniVersion ${version}`);
  return compareVersions(version, minimum) >= 0;
}

function singleVersion(list: JsonObject): string {
  if (!Object.hasOwn(list, "cniVersion")) return "";
  const version = list["cniVersion"];
  if (typeof version !== "string") throw listError(`invalid cniVersion type ${goType(version)}`);
  return version;
}

function listedVersions(value: unknown): string[] {
  if (!Array.isArray(value)) throw listError(`invalid type for cniVersions: ${goType(value)}`);
  return value.filter((version, index) => {
    if (typeof version !== "string") throw listError(`invalid type for cniVersions index ${index}: ${goType(version)}`);
    return isUsable(version, `invalid cniVersions entry ${version} at index ${index}`);
  });
}

function isUsable(version: string, refusal: string): boolean {
  if (parseVersion(version) === undefined) throw listError(refusal);
  return compareVersions(version, CURRENT_VERSION) <= 0;
}
