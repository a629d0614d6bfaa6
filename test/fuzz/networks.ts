import fs from "node:fs";
import path from "node:path";
import { findMember } from "../../src/cni/json.ts";
import { confDir } from "../caller.ts";

/** Any JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

const root = path.resolve(import.meta.dirname, "../..");

/** The names of all plugins in the tree. */
export const PLUGINS = fs.readdirSync(path.join(root, "plugins")).sort();

/** The files of the network lists that the product ships, from `conf`. */
export const CONF_FILES = fs
  .readdirSync(confDir, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(conflist|conf|json)$/.test(entry.name))
  .map((entry) => path.relative(confDir, path.join(entry.parentPath, entry.name)))
  .sort();

/** What the files hold. */
export function confTexts(): readonly Uint8Array[] {
  return CONF_FILES.map((file) => new Uint8Array(fs.readFileSync(path.join(confDir, file))));
}

/** One of them as a list; a single configuration as a list of one. */
export function readList(file: string): JsonObject & { plugins: JsonObject[] } {
  const json = JSON.parse(fs.readFileSync(path.join(confDir, file), "utf8"));
  if (Array.isArray(json.plugins)) return json;
  const { name, cniVersion = "0.2.0", ...plugin } = json;
  return { cniVersion, name, plugins: [plugin] };
}

/**
 * Lets nothing ask a DHCP server for longer than a second, which is right where there is none. The document's own objects are changed: an
 * "ipam", and a configuration that a list names as a plugin of its own.
 */
export function shortenWaits(json: Json): void {
  if (typeof json !== "object" || json === null) return;
  for (const value of Object.values(json)) shortenWaits(value);
  if (Array.isArray(json) || findMember(json, "type") !== "dhcp") return;
  for (const place of [json, json["ipam"]]) {
    if (!isObject(place)) continue;
    const wait = findMember(place, "timeout");
    if (wait === undefined || (typeof wait === "number" && wait > 1)) place["timeout"] = 1;
  }
}

export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
