import type * as z from "zod/v4/core";
import { isObject } from "./json.ts";
import { isBuiltIn } from "./keys.ts";

/** Keys and indexes from a configuration to a part of it. */
export type Path = readonly PropertyKey[];

/** Where a walk is: the path in the value, and the place in the schema, as in "ipam.ranges[][]". */
export interface At {
  readonly path: Path;
  readonly place: string;
}

/** Sees each value that a schema describes, with its definition in the schema. */
export type Visit = (def: z.$ZodTypes["_zod"]["def"], value: unknown, at: At) => void;

/** Visits a JSON value and its parts, as far as the schema describes them. Keys match in any case; a member is visited under its key. */
export function walkSchema(schema: z.$ZodType, value: unknown, visit: Visit, at: At = { path: [], place: "" }): void {
  if (!isBuiltIn(schema)) return;
  const { def } = schema._zod;
  if (def.type === "optional" || def.type === "default" || def.type === "catch") {
    walkSchema(def.innerType, value, visit, at);
    return;
  }
  visit(def, value, at);
  if (def.type === "array" && Array.isArray(value)) {
    for (const [index, each] of value.entries())
      walkSchema(def.element, each, visit, { path: [...at.path, index], place: `${at.place}[]` });
  }
  if (def.type === "object" && isObject(value)) walkMembers(def.shape, value, visit, at);
}

function walkMembers(shape: z.$ZodShape, value: Readonly<Record<string, unknown>>, visit: Visit, at: At): void {
  for (const [key, member] of Object.entries(value)) {
    const name = Object.keys(shape).find((each) => each.toLowerCase() === key.toLowerCase());
    const schema = name === undefined ? undefined : shape[name];
    if (schema === undefined) continue;
    walkSchema(schema, member, visit, {
      path: [...at.path, key],
      place: at.place === "" ? `${name}` : `${at.place}.${name}`,
    });
  }
}
