import * as z from "zod/mini";
import { type Address, parseAddress } from "../ip/address.ts";
import { type Mac, parseMac } from "../ip/mac.ts";
import { type Prefix, parsePrefix } from "../ip/prefix.ts";
import { CniError } from "./error.ts";
import { describeIssue } from "./issue.ts";
import { matchKeys } from "./keys.ts";

/**
 * Reads a network configuration by its schema: keys match in any case, null is absent, unknown keys are ignored.
 * @throws CniError invalidConfig that names the key, the value found and what was required
 */
export function parseConfig<S extends z.ZodMiniType>(schema: S, json: unknown): z.output<S> {
  const parsed = z.safeParse(schema, matchKeys(schema, json), { reportInput: true, jitless: true });
  if (!parsed.success) throw new CniError("invalidConfig", describeIssue(parsed.error.issues[0]));
  return parsed.data;
}

/** What every plugin's configuration holds, to be extended: `z.extend(netConf(), { … })`. */
export function netConf() {
  return z.object({
    cniVersion: z.optional(z.string()),
    name: z.string(),
    type: z.optional(z.string()),
    dns: z.optional(dns()),
    ipam: z.optional(z.object({ type: z.optional(z.string()) })),
  });
}

/** An integer, within bounds where they are given (both inclusive). */
export function integer(bounds: { min?: number; max?: number } = {}) {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = bounds;
  const requirement =
    bounds.max === undefined
      ? `an integer${bounds.min === undefined ? "" : ` of at least ${min}`}`
      : `an integer from ${min} to ${max}`;
  return z
    .number(requirement)
    .check(z.refine((value) => Number.isInteger(value) && value >= min && value <= max, requirement));
}

/** An address as text; "" is unset, as in Go. */
export function address() {
  return parsed("an IP address", (text): Address | undefined | null => {
    return text === "" ? undefined : (parseAddress(text) ?? null);
  });
}

/** A prefix as text, "10.1.2.0/24", host bits kept. */
export function prefix() {
  return parsed("an IP prefix such as 10.1.0.0/16", (text): Prefix | null => parsePrefix(text) ?? null);
}

/** A hardware address as text; "" is unset. */
export function mac() {
  return parsed("a hardware address such as 0a:58:0a:01:00:02", (text): Mac | undefined | null => {
    return text === "" ? undefined : (parseMac(text) ?? null);
  });
}

/** Resolver settings. SPEC.md, "dns" */
export function dns() {
  return z.object({
    nameservers: z.optional(z.array(z.string())),
    domain: z.optional(z.string()),
    search: z.optional(z.array(z.string())),
    options: z.optional(z.array(z.string())),
  });
}

/** A route, in a configuration and in a result alike. SPEC.md, "routes" */
export function route() {
  return z.object({
    dst: prefix(),
    gw: z.optional(address()),
    mtu: z.optional(integer()),
    advmss: z.optional(integer()),
    priority: z.optional(integer()),
    table: z.optional(integer()),
    scope: z.optional(integer()),
  });
}

/** Text that `parse` turns into a value; null from it refuses the text as not being `requirement`. */
function parsed<T>(requirement: string, parse: (text: string) => T | null) {
  return z.pipe(
    z.string(requirement),
    z.transform((text: string, context): T => {
      const value = parse(text);
      if (value !== null) return value;
      context.issues.push({ code: "custom", message: requirement, input: text });
      return z.NEVER;
    }),
  );
}
