import type * as z from "zod/mini";
import { parseBySchema } from "./fields.ts";

/** Learns of a key that a schema does not have, the object with it as in "ipam.ranges[][]", and the keys that the object may have. */
type NoteUnknown = (key: string, place: string, known: () => readonly string[]) => void;

/**
 * A schema, created when it is first used. The build adds `accept`: it parses a valid value like zod but without loading zod, and
 * returns undefined for any other value. This saves 2 ms of an ADD.
 */
export type Schema<S extends z.ZodMiniType> = (() => S) & {
  readonly accept?: (json: unknown, unknown?: NoteUnknown) => z.output<S> | undefined;
};

/**
 * Reads a network configuration by its schema. Keys match in any case, null counts as absent, unknown keys are ignored. `name` is what
 * error messages call the value. @throws CniError invalidConfig that names the key, the value found and what was required
 */
export function parseConfig<S extends z.ZodMiniType>(
  schema: Schema<S>,
  json: unknown,
  name = "the configuration",
): z.output<S> {
  return schema.accept?.(json) ?? parseBySchema(schema(), json, name);
}
