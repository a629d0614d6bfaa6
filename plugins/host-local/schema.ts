import * as z from "zod/mini";
import { address, integer, route, scalar, text } from "../../src/cni/fields.ts";
import { readPath, readPrefixText } from "../../src/cni/scalars.ts";

/** The longest release delay: a week, in seconds. */
const LONGEST_DELAY = 604_800;

/** The whole configuration. */
export function hostLocal() {
  const range = z.object({
    subnet: z.optional(scalar("an IP prefix such as 10.1.0.0/16", readPrefixText)),
    rangeStart: z.optional(address()),
    rangeEnd: z.optional(address()),
    gateway: z.optional(address()),
    exclude: z.optional(z.array(text())),
  });
  const ranges = z.optional(z.array(z.array(range)));
  const ips = z.optional(z.array(text()));
  return z.object({
    ipam: z.optional(
      z.extend(range, {
        type: z.optional(text()),
        ranges,
        routes: z.optional(z.array(route())),
        dataDir: dataDir(),
        resolvConf: z.optional(text()),
        releaseDelay: z.optional(delay()),
      }),
    ),
    runtimeConfig: z.optional(z.object({ ipRanges: ranges, ips })),
    args: z.optional(z.object({ cni: z.optional(z.object({ ips })) })),
  });
}

/**
 * The settings that a release needs. The rest of the configuration may be invalid. The delay is 0 seconds unless it has a valid value.
 */
export function release() {
  const releaseDelay = z.catch(z._default(delay(), 0), 0);
  return z.object({ ipam: z.optional(z.object({ dataDir: dataDir(), releaseDelay })) });
}

function delay() {
  return integer({ min: 0, max: LONGEST_DELAY });
}

function dataDir() {
  return z.optional(scalar("a path", readPath));
}
