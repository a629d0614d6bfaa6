import * as z from "zod/mini";
import { address, dns, integer, prefix, route, text } from "./fields.ts";

// The values of the protocol itself.

/** A result of 1.0.0 or 1.1.0. */
export function result1x() {
  const optionalText = z.optional(text());
  const member = z.object({
    name: optionalText,
    mac: optionalText,
    mtu: z.optional(integer()),
    sandbox: optionalText,
    socketPath: optionalText,
    pciID: optionalText,
  });
  return z.object({
    interfaces: z.optional(z.array(member)),
    ips: z.optional(z.array(ip())),
    routes: z.optional(z.array(route())),
    dns: z.optional(dns()),
  });
}

/** A result of 0.3.0 to 0.4.0. */
export function result04x() {
  const optionalText = z.optional(text());
  return z.object({
    interfaces: z.optional(z.array(z.object({ name: optionalText, mac: optionalText, sandbox: optionalText }))),
    ips: z.optional(z.array(ip())),
    routes: z.optional(z.array(route())),
    dns: z.optional(dns()),
  });
}

/** A result of 0.1.0 or 0.2.0, with routes under their family. */
export function result02x() {
  const family = z.object({ ip: prefix(), gateway: z.optional(address()), routes: z.optional(z.array(route())) });
  return z.object({ ip4: z.optional(family), ip6: z.optional(family), dns: z.optional(dns()) });
}

/** The attachments that GC must keep. SPEC.md, "GC" */
export function attachments() {
  const attachment = z.object({ containerID: text(), ifname: text(), addresses: z.optional(z.array(address())) });
  return z.object({ "cni.dev/valid-attachments": z.optional(z.array(attachment)) });
}

/** The part of the configuration that DEL and GC of an interface plugin need to run the IPAM plugin. The rest may be invalid by now. */
export function ipam() {
  return z.object({ ipam: z.optional(z.object({ type: z.optional(text()) })) });
}

/** The error object of a failed plugin. SPEC.md, "Error" */
export function failure() {
  return z.object({ code: z.optional(integer()), msg: text(), details: z.optional(text()) });
}

function ip() {
  return z.object({ interface: z.optional(integer()), address: prefix(), gateway: z.optional(address()) });
}
