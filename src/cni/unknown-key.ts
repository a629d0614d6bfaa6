import type * as z from "zod/v4/core";
import { isObject } from "./json.ts";
import { findNearest } from "./nearest.ts";
import { type Path, walkSchema } from "./schema-walk.ts";

/** A key of a configuration that its schema does not have. */
export interface UnknownKey {
  readonly key: string;
  /** The object with the key, as in "ipam.ranges[][]"; empty for the configuration itself. */
  readonly place: string;
  /** The keys that the object may have. */
  readonly known: readonly string[];
}

/** The keys that the specification gives every plugin's configuration. SPEC.md, "Plugin configuration objects" */
const PROTOCOL_KEYS = [
  "cniVersion",
  "name",
  "type",
  "capabilities",
  "runtimeConfig",
  "prevResult",
  "args",
  "ipam",
  "dns",
  "cni.dev/valid-attachments",
  "cni.dev/attachments",
];

/** An unknown key in a value, with the path to it. */
export interface PlacedKey extends UnknownKey {
  readonly path: Path;
}

/** The keys of a JSON value that the schema does not have, at every level that it describes. Case is ignored. */
export function findUnknownKeys(schema: z.$ZodType, json: unknown): readonly PlacedKey[] {
  const found: PlacedKey[] = [];
  walkSchema(schema, json, (def, value, { path, place }) => {
    if (def.type !== "object" || !isObject(value)) return;
    const known = knownKeys(Object.keys(def.shape), place);
    const lower = new Set(known.map((key) => key.toLowerCase()));
    for (const key of Object.keys(value)) {
      if (!lower.has(key.toLowerCase())) found.push({ key, place, known, path: [...path, key] });
    }
  });
  return found;
}

/** The keys that an object may have, by its schema's and its place. */
export function knownKeys(keys: readonly string[], place: string): readonly string[] {
  return place === "" ? [...new Set([...keys, ...PROTOCOL_KEYS])] : keys;
}

/** Logs each unknown key of an ADD that is probably a misspelling. */
export function logMisspelt(call: LoggingCall, keys: readonly UnknownKey[]): void {
  for (const { key, place, known } of keys) {
    const near = findMisspelt(key, known);
    if (near === undefined) continue;
    const where = JSON.stringify(place === "" ? key : `${place}.${key}`);
    call.log(`Key ${where} of network "${call.network}" is unknown and ignored: did you mean "${near}"?`);
  }
}

interface LoggingCall {
  readonly network: string;
  readonly log: (line: string) => void;
}

/** Whether a key was written so that nobody reads it, as JSON has no comments: "_mtu", "#mtu" or "//". */
export function isComment(key: string): boolean {
  return /^(_|#|\/\/)/.test(key);
}

/** The known key that an unknown one probably means; undefined if none is close. Other case is no misspelling. */
export function findMisspelt(key: string, known: readonly string[]): string | undefined {
  if (isComment(key)) return undefined;
  const near = findNearest(key, known);
  return near?.toLowerCase() === key.toLowerCase() ? undefined : near;
}
