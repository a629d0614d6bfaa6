import type * as z from "zod/mini";
import { parseBySchema } from "./fields.ts";

/**
 * A schema, made when it is asked for. The build puts `accept` beside it: what zod would make of a value that is as it should be, and
 * undefined for any other, without zod. An ADD takes 2 ms less so.
 */
export type Schema<S extends z.ZodMiniType> = (() => S) & {
  readonly accept?: (json: unknown) => z.output<S> | undefined;
};

/**
 * Reads a network configuration by its schema: keys match in any case, null is absent, unknown keys are ignored. A value
 * from elsewhere has a `name` to be called by.
 * @throws CniError invalidConfig that names the key, the value found and what was required
 */
export function parseConfig<S extends z.ZodMiniType>(
  schema: Schema<S>,
  json: unknown,
  name = "the configuration",
): z.output<S> {
  return schema.accept?.(json) ?? parseBySchema(schema(), json, name);
}
