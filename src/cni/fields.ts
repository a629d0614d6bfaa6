import * as z from "zod/mini";
import { CniError } from "./error.ts";
import { describeIssue } from "./issue.ts";
import { matchKeys } from "./keys.ts";
import { readAddress, readInterfaceMac, readMac, readPrefix } from "./scalars.ts";

/** The requirement for an interface's MAC. */
const INTERFACE_MAC = "a hardware address such as 0a:58:0a:01:00:02, of 6 bytes, not multicast, not zero";

/** Parses with zod, for parseConfig. @throws CniError invalidConfig */
export function parseBySchema<S extends z.ZodMiniType>(schema: S, json: unknown, name: string): z.output<S> {
  const parsed = z.safeParse(schema, matchKeys(schema, json), { reportInput: true, jitless: true });
  if (!parsed.success) throw new CniError("invalidConfig", describeIssue(parsed.error.issues[0], name));
  return parsed.data;
}

/** The keys of every plugin's configuration. Extend it with `z.extend(netConf(), { … })`. */
export function netConf() {
  const optionalText = z.optional(text());
  return z.object({
    cniVersion: optionalText,
    name: text(),
    type: optionalText,
    dns: z.optional(dns()),
    ipam: z.optional(z.object({ type: optionalText })),
  });
}

/** Any text. */
export const text = once(() => z.string());

/** An integer within optional bounds, both inclusive. */
export function integer({ min, max }: { min?: number; max?: number } = {}) {
  const bounds = max === undefined ? `of at least ${min}` : `from ${min ?? "any"} to ${max}`;
  const requirement = min === undefined && max === undefined ? "an integer" : `an integer ${bounds}`;
  const checks = [
    ...(min === undefined ? [] : [z.gte(min, requirement)]),
    ...(max === undefined ? [] : [z.lte(max, requirement)]),
  ];
  return checks.length === 0 ? anyInteger() : z.int(requirement).check(...checks);
}

const anyInteger = once(() => z.int("an integer"));

/** An address as text; "" means unset, as in Go. */
export const address = once(() => scalar("an IP address", readAddress));

/** A prefix as text, "10.1.2.0/24". Host bits are kept. */
export const prefix = once(() => scalar("an IP prefix such as 10.1.0.0/16", readPrefix));

/** A hardware address as text; "" means unset. */
export const mac = once(() => scalar("a hardware address such as 0a:58:0a:01:00:02", readMac));

/** The hardware address for an interface, as text; "" means unset. */
export const interfaceMac = once(() => scalar(INTERFACE_MAC, readInterfaceMac));

/** Resolver settings. SPEC.md, "dns" */
export const dns = once(() => {
  const list = z.optional(z.array(text()));
  return z.object({ nameservers: list, domain: z.optional(text()), search: list, options: list });
});

/** A route of a configuration or a result. SPEC.md, "routes" */
export const route = once(() => {
  // __u32, and unsigned char in struct rtmsg. <linux/rtnetlink.h>
  const number = z.optional(integer({ min: 0, max: 0xffffffff }));
  return z.object({
    dst: prefix(),
    gw: z.optional(address()),
    mtu: number,
    advmss: number,
    priority: number,
    table: number,
    scope: z.optional(integer({ min: 0, max: 0xff })),
  });
});

/** Text that `read` turns into a value. If `read` returns null, the text is refused with `requirement`. */
export function scalar<T>(requirement: string, read: (text: string) => T | null) {
  const transform = (text: string, context: { issues: unknown[] }): T => {
    const value = read(text);
    if (value !== null) return value;
    context.issues.push({ code: "custom", message: requirement, input: text });
    return z.NEVER;
  };
  return z.pipe(z.string(requirement), z.transform(Object.assign(transform, { read })));
}

/** Creates one schema for all callers. A schema costs 20 µs in a cold process, and an ADD of bridge would make 110. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
