import { isObject, kindOf } from "../cni/json.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Go's %T name of a decoded JSON value, as in the library's error texts. */
export function goType(value: unknown): string {
  switch (kindOf(value)) {
    case "array":
      return "[]interface {}";
    case "object":
      return "map[string]interface {}";
    case "number":
      return "float64";
    case "boolean":
      return "bool";
    case "string":
      return "string";
    default:
      return "<nil>";
  }
}

/** The value with the keys of every object sorted, as Go writes a map. Of keys that differ only in case, the last one counts. */
export function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isObject(value)) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sortKeys(value[key])]));
}
