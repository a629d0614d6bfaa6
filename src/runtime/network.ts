import * as z from "zod/mini";
import { parseConfig } from "../cni/config.ts";
import { CniError } from "../cni/error.ts";
import { findMember, isObject, parseJson } from "../cni/json.ts";
import { goType, type JsonObject } from "./json-object.ts";
import { decoded, listError, prefixed } from "./refusal.ts";
import { chooseVersion } from "./version-choice.ts";

/** One plugin's object in a network list. */
export interface PluginConfig {
  readonly type: string;
  /** The object's own name; empty in a list, because the list has the name. */
  readonly name: string;
  readonly cniVersion: string;
  /** Capabilities that are declared true. */
  readonly capabilities: readonly string[];
  /** The unchanged object, from which the plugin's standard input is made. */
  readonly json: JsonObject;
}

/** A network list, as the library reads it. */
export interface Network {
  readonly name: string;
  /** The version chosen from cniVersion and cniVersions, unchecked; empty if the list has neither. */
  readonly cniVersion: string;
  readonly disableCheck: boolean;
  readonly disableGC: boolean;
  readonly loadOnlyInlinedPlugins: boolean;
  readonly plugins: readonly PluginConfig[];
  /** The file of the list; undefined if it is not from a folder of networks. */
  readonly file?: string;
  /** The bytes of the list, which the result cache stores. */
  readonly bytes: Uint8Array;
}

/**
 * Reads a network list. The plugins of a list without `plugins` are in separate files. @throws CniError invalidConfig, in the
 * library's words
 */
export function parseNetwork(bytes: Uint8Array): Network {
  const list = listObject(bytes);
  const name = listName(list);
  const cniVersion = chooseVersion(list);
  const disableCheck = readSwitch(list, "disableCheck");
  const disableGC = readSwitch(list, "disableGC");
  const loadOnlyInlinedPlugins = readSwitch(list, "loadOnlyInlinedPlugins");
  const plugins = listPlugins(list, loadOnlyInlinedPlugins);
  return { name, cniVersion, disableCheck, disableGC, loadOnlyInlinedPlugins, plugins, bytes };
}

/** Reads one plugin's object. @throws CniError invalidConfig */
export function parsePlugin(json: unknown): PluginConfig {
  const text = z.optional(z.string());
  const capabilities = z.optional(z.record(z.string(), z.boolean()));
  const schema = z.object({ type: text, name: text, cniVersion: text, capabilities });
  const config = prefixed("error parsing configuration", () => parseConfig(() => schema, json ?? {}));
  if (!isObject(json) || (config.type ?? "") === "")
    throw new CniError("invalidConfig", "error parsing configuration: missing 'type'");
  return {
    type: config.type ?? "",
    name: config.name ?? "",
    cniVersion: config.cniVersion ?? "",
    capabilities: Object.entries(config.capabilities ?? {}).flatMap(([key, declared]) => (declared ? [key] : [])),
    json,
  };
}

/** The type of a plugin's IPAM plugin; undefined if it has none. */
export function ipamTypeOf({ json }: Pick<PluginConfig, "json">): string | undefined {
  const ipam = findMember(json, "ipam");
  const type = isObject(ipam) ? findMember(ipam, "type") : undefined;
  return typeof type === "string" && type !== "" ? type : undefined;
}

function listObject(bytes: Uint8Array): JsonObject {
  const json = decoded("error parsing configuration list", () => parseJson(bytes)) ?? {};
  if (!isObject(json)) throw listError(`must be an object, found ${goType(json)}`);
  return json;
}

function listName(list: JsonObject): string {
  if (!Object.hasOwn(list, "name")) throw listError("no name");
  const name = list["name"];
  if (typeof name !== "string") throw listError(`invalid name type ${goType(name)}`);
  return name;
}

/** Reads a switch: a boolean, or its word in any case. */
function readSwitch(list: JsonObject, key: string): boolean {
  if (!Object.hasOwn(list, key)) return false;
  const value = list[key];
  if (typeof value === "boolean") return value;
  if (typeof value !== "string") throw listError(`invalid type ${goType(value)} for ${key}`);
  const word = value.toLowerCase();
  if (word !== "true" && word !== "false") throw listError(`invalid value ${JSON.stringify(word)} for ${key}`);
  return word === "true";
}

function listPlugins(list: JsonObject, loadOnlyInlinedPlugins: boolean): readonly PluginConfig[] {
  if (!Object.hasOwn(list, "plugins")) {
    if (loadOnlyInlinedPlugins) throw listError("`loadOnlyInlinedPlugins` is true, and no 'plugins' key");
    return [];
  }
  const plugins = list["plugins"];
  if (!Array.isArray(plugins)) throw listError(`invalid 'plugins' type ${goType(plugins)}`);
  if (plugins.length === 0) throw listError("no plugins in list");
  return plugins.map((plugin, index) => prefixed(`failed to parse plugin config ${index}`, () => parsePlugin(plugin)));
}
