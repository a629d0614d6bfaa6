import * as z from "zod/mini";
import { integer, interfaceMac, mac, netConf, scalar } from "../../src/cni/fields.ts";
import { readPath } from "../../src/cni/scalars.ts";

/** The kernel's limits, of an `int` and an `unsigned int`. */
const MAX_MTU = 0x7fffffff;
const MAX_QUEUE = 0xffffffff;

/** The whole configuration. */
export function tuning() {
  return z.extend(netConf(), {
    ...wishes(),
    dataDir: dataDir(),
    args: z.optional(z.object({ cni: z.optional(z.object(wishes())) })),
    runtimeConfig: z.optional(z.object({ mac: z.optional(interfaceMac()) })),
  });
}

/** The only setting that DEL and GC need. The rest of the configuration may be invalid by then. */
export function backups() {
  return z.object({ dataDir: dataDir() });
}

/** A backup file: the interface before ADD. */
export function backup() {
  const number = z.optional(integer({ min: 0 }));
  const flag = z.optional(z.boolean());
  const settings = { mac: z.optional(mac()), promisc: flag, mtu: number, allmulti: flag, txQLen: number };
  const text = z.optional(z.string());
  return z.object({ ...settings, network: text, netns: text, ifindex: number });
}

function wishes() {
  return {
    sysctl: z.optional(z.record(z.string(), z.string())),
    mac: z.optional(interfaceMac()),
    mtu: z.optional(integer({ min: 0, max: MAX_MTU })),
    promisc: z.optional(z.boolean()),
    allmulti: z.optional(z.boolean()),
    txQLen: z.optional(integer({ min: 0, max: MAX_QUEUE })),
  };
}

function dataDir() {
  return z.optional(scalar("a path", readPath));
}
