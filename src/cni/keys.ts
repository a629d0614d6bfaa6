import type * as z from "zod/v4/core";
import { isObject } from "./json.ts";

/**
 * Renames the keys of a JSON value to the schema's names, at every level that the schema describes, like Go's encoding/json for a
 * struct: case is ignored, a null member is absent, and of several the last one counts. Values that the schema does not describe stay
 * unchanged.
 */
export function matchKeys(schema: z.$ZodType, value: unknown): unknown {
  const def = definitionOf(schema);
  switch (def.type) {
    case "object":
      return isObject(value) ? matchMembers(def.shape, value) : value;
    case "array":
      return Array.isArray(value) ? value.map((each) => matchKeys(def.element, each)) : value;
    case "record":
      return isObject(value) ? mapMembers(value, (key, each) => [key, matchKeys(def.valueType, each)]) : value;
    case "union":
      return def.options.reduce((matched: unknown, option) => matchKeys(option, matched), value);
    case "pipe":
      return matchKeys(def.in, value);
    case "optional":
    case "default":
    case "readonly":
      return matchKeys(def.innerType, value);
    default:
      return value;
  }
}

/** The definition that zod keeps with each schema. A test by `instanceof` takes twice as long in a cold process. */
function definitionOf(schema: z.$ZodType): z.$ZodTypes["_zod"]["def"] {
  return isBuiltIn(schema) ? schema._zod.def : { type: "unknown" };
}

/** Whether the schema is of one of zod's own kinds. */
export function isBuiltIn(schema: z.$ZodType): schema is z.$ZodTypes {
  return "type" in schema._zod.def;
}

function matchMembers(shape: z.$ZodShape, value: Readonly<Record<string, unknown>>): unknown {
  const names = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]));
  return mapMembers(value, (key, each) => {
    const name = names.get(key.toLowerCase());
    const member = name === undefined ? undefined : shape[name];
    return name === undefined || member === undefined ? [key, each] : [name, matchKeys(member, each)];
  });
}

function mapMembers(
  value: Readonly<Record<string, unknown>>,
  map: (key: string, each: unknown) => [string, unknown],
): unknown {
  const members = Object.entries(value).filter(([, each]) => each !== null);
  return Object.fromEntries(members.map(([key, each]) => map(key, each)));
}
