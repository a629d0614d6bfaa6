import * as z from "zod/mini";
import { address, integer, mac, netConf, prefix, scalar, text } from "../../src/cni/fields.ts";
import { readAbsolutePath } from "../../src/cni/scalars.ts";

/** The longest time for an ADD, in seconds: that of the Go daemon. Runtimes give up after four minutes. */
const LONGEST_TIMEOUT = 208;

/** The whole configuration. */
export function dhcp() {
  const optionalText = z.optional(text());
  return z.extend(netConf(), {
    ipam: z.optional(
      z.object({
        type: optionalText,
        daemonSocketPath: socketPath(),
        provide: z.optional(z.array(z.object({ option: text(), value: optionalText, fromArg: optionalText }))),
        request: z.optional(z.array(z.object({ option: optionalText, skipDefault: z.optional(z.boolean()) }))),
        families: z.optional(z.array(integer({ min: 4, max: 6 }))),
        priority: z.optional(integer({ min: 0, max: 0xffffffff })),
        broadcast: z.optional(z.boolean()),
        timeout: z.optional(integer({ min: 1, max: LONGEST_TIMEOUT })),
      }),
    ),
  });
}

/** The only setting that DEL and GC need. The rest of the configuration may be invalid by then. */
export function socket() {
  return z.object({ ipam: z.optional(z.object({ daemonSocketPath: socketPath() })) });
}

/** A lease file of IPv4. Times are in milliseconds of the boot's clock; those of a lease for ever are missing. Bytes are in hex. */
export function leaseFile() {
  const options = z.record(z.string(), text());
  return z.object({
    ...leaseParts(),
    ...{
      mac: mac(),
      clientId: text(),
      provided: options,
      requested: z.array(integer({ min: 1, max: 254 })),
      broadcast: z.boolean(),
    },
    ...{ priority: z.optional(integer({ min: 0 })), timeout: integer({ min: 1 }) },
    server: address(),
  });
}

/** A lease file of IPv6. */
export function leaseFile6() {
  return z.object({
    ...leaseParts(),
    ...{ family: integer({ min: 6, max: 6 }), duid: text(), iaid: integer({ min: 0, max: 0xffffffff }) },
    ...{ server: text(), preferUntil: z.optional(integer({ min: 0 })) },
  });
}

function leaseParts() {
  const time = z.optional(integer({ min: 0 }));
  return {
    ...{ network: text(), containerId: text(), ifname: text(), netns: text() },
    ...{ boot: text(), namespace: text(), index: integer({ min: 1 }), address: prefix() },
    ...{ renewAt: time, rebindAt: time, expireAt: time, options: z.record(z.string(), text()) },
  };
}

function socketPath() {
  return z.optional(scalar("an absolute path", readAbsolutePath));
}
