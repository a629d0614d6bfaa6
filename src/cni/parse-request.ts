import type * as z from "zod/mini";
import { parseConfig, type Schema } from "./config.ts";
import { parseBySchema } from "./fields.ts";
import type { Request } from "./request.ts";
import { findUnknownKeys, logMisspelt, type UnknownKey } from "./unknown-key.ts";

/** Several plugins read `args` and `runtimeConfig`, and the IPAM plugin reads `ipam`. */
const SHARED = ["ipam", "args", "runtimeConfig"];

/**
 * Reads the configuration of a call like parseConfig(). ADD logs each unknown key that is close to a known one. `within` is the member
 * that this plugin reads alone, as an IPAM plugin reads `ipam`. @throws CniError invalidConfig
 */
export function parseRequest<S extends z.ZodMiniType>(
  schema: Schema<S>,
  request: Pick<Request, "command" | "config" | "log" | "network">,
  { within = "" }: { within?: string } = {},
): z.output<S> {
  const { command, config } = request;
  if (command !== "ADD") return parseConfig(schema, config);
  const unknown: UnknownKey[] = [];
  const accepted = schema.accept?.(config, (key, place, known) => {
    if (isOwn(place, within)) unknown.push({ key, place, known: known() });
  });
  // accept() stops at the first value that it does not take.
  const found =
    accepted === undefined ? findUnknownKeys(schema(), config).filter(({ place }) => isOwn(place, within)) : unknown;
  if (found.length > 0) logMisspelt(request, found);
  return accepted ?? parseBySchema(schema(), config, "the configuration");
}

function isOwn(place: string, within: string): boolean {
  return within === "" ? !SHARED.some((member) => place.startsWith(member)) : place.startsWith(within);
}
