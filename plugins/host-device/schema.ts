import * as z from "zod/mini";
import { dns, integer, mac, netConf, prefix, scalar, text } from "../../src/cni/fields.ts";
import { readAbsolutePath } from "../../src/cni/scalars.ts";

/** The whole configuration. */
export function hostDevice() {
  const optionalText = z.optional(text());
  const flag = z._default(z.boolean(), false);
  return z.extend(netConf(), {
    device: optionalText,
    hwaddr: z.optional(mac()),
    kernelpath: optionalText,
    pciBusID: optionalText,
    deviceID: optionalText,
    DPDKMode: flag,
    restoreAddresses: flag,
    dataDir: dataDir(),
    dns: z.optional(dns()),
    capabilities: z.optional(z.object({ deviceID: z.optional(z.boolean()) })),
    runtimeConfig: z.optional(z.object({ deviceID: optionalText })),
  });
}

/** The only setting that DEL and GC need. The rest of the configuration may be invalid by then. */
export function records() {
  return z.object({ dataDir: dataDir() });
}

/** A record: an attachment, and its device before ADD. */
export function record() {
  const number = integer({ min: 0 });
  const optionalText = z.optional(text());
  return z.object({
    network: text(),
    containerId: text(),
    ifname: text(),
    netns: text(),
    namespace: text(),
    name: text(),
    index: number,
    kind: text(),
    mac: text(),
    mtu: number,
    up: z.boolean(),
    alias: text(),
    otherNames: z.optional(z.array(text())),
    kept: z.optional(keptSettings()),
    addresses: z.array(prefix()),
    restoreAddresses: z.boolean(),
    parent: optionalText,
    bus: optionalText,
    permanentMac: optionalText,
    portName: optionalText,
  });
}

function keptSettings() {
  const number = z.optional(integer({ min: 0 }));
  return z.object({
    flags: integer({ min: 0 }),
    broadcast: z.optional(text()),
    transmitQueueLength: number,
    group: number,
    mode: number,
    protocolDown: number,
    gsoMaxSegments: number,
    gsoMaxSize: number,
    groMaxSize: number,
    programs: z.array(integer({ min: 0 })),
  });
}

function dataDir() {
  return z.optional(scalar("an absolute path", readAbsolutePath));
}
