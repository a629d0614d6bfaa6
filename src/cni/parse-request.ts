import type * as z from "zod/mini";
import { parseConfig, type Schema } from "./config.ts";
import { CniError } from "./error.ts";
import { parseBySchema } from "./fields.ts";
import type { Request } from "./request.ts";
import { findUnknownKeys, logMisspelt, type UnknownKey } from "./unknown-key.ts";

/** Several plugins read `args` and `runtimeConfig`, and the IPAM plugin reads `ipam`. */
const SHARED = ["ipam", "args", "runtimeConfig"];

/** A call, or what one would have as its configuration: then nothing is logged. */
export type ParsedRequest = Pick<Request, "config" | "network"> & Partial<Pick<Request, "command" | "log">>;

/**
 * Reads the configuration of a call like parseConfig(). ADD logs each unknown key that is close to a known one. `within` is the member
 * that this plugin reads alone, as an IPAM plugin reads `ipam`. @throws CniError invalidConfig
 */
export function parseRequest<S extends z.ZodMiniType>(
  schema: Schema<S>,
  request: ParsedRequest,
  { within = "" }: { within?: string } = {},
): z.output<S> {
  const { command, config, network, log } = request;
  if (command !== "ADD" || log === undefined) return parseConfig(schema, config);
  const unknown: UnknownKey[] = [];
  const accepted = schema.accept?.(config, (key, place, known) => {
    if (isOwn(place, within)) unknown.push({ key, place, known: known() });
  });
  // accept() stops at the first value that it does not take.
  const found =
    accepted === undefined ? findUnknownKeys(schema(), config).filter(({ place }) => isOwn(place, within)) : unknown;
  if (found.length > 0) logMisspelt({ network, log }, found);
  return accepted ?? parseBySchema(schema(), config, "the configuration");
}

/**
 * Reads what says where DEL and GC have to look. ADD refuses an invalid configuration, so nothing was made by it: DEL logs it and goes on
 * with undefined, so that the rest of the container can be deleted. @throws CniError invalidConfig unless the call is a DEL
 */
export function parseForRemoval<S extends z.ZodMiniType>(
  schema: Schema<S>,
  { command, config, log }: Omit<ParsedRequest, "network">,
): z.output<S> | undefined {
  try {
    return parseConfig(schema, config);
  } catch (error) {
    if (command !== "DEL" || !(error instanceof CniError)) throw error;
    log?.(`${error.message}. ADD refuses this, so DEL goes on without it`);
    return undefined;
  }
}

function isOwn(place: string, within: string): boolean {
  return within === "" ? !SHARED.some((member) => place.startsWith(member)) : place.startsWith(within);
}
