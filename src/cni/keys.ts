import * as z from "zod/v4/core";
import { isObject } from "./json.ts";

/**
 * Renames the keys of a JSON value to the names that the schema gives them, at every level that the schema describes,
 * as Go's encoding/json reads into a struct: case is ignored, a null member is absent, of several the last one counts.
 * Whatever the schema does not describe stays as it is.
 */
export function matchKeys(schema: z.$ZodType, value: unknown): unknown {
  if (schema instanceof z.$ZodObject) return isObject(value) ? matchMembers(schema._zod.def.shape, value) : value;
  if (schema instanceof z.$ZodArray) {
    const { element } = schema._zod.def;
    return Array.isArray(value) ? value.map((each) => matchKeys(element, each)) : value;
  }
  if (schema instanceof z.$ZodRecord) {
    const { valueType } = schema._zod.def;
    return isObject(value) ? mapMembers(value, (key, each) => [key, matchKeys(valueType, each)]) : value;
  }
  if (schema instanceof z.$ZodUnion) {
    return schema._zod.def.options.reduce((matched: unknown, option) => matchKeys(option, matched), value);
  }
  if (schema instanceof z.$ZodPipe) return matchKeys(schema._zod.def.in, value);
  if (schema instanceof z.$ZodOptional || schema instanceof z.$ZodDefault || schema instanceof z.$ZodReadonly) {
    return matchKeys(schema._zod.def.innerType, value);
  }
  return value;
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
