import * as z from "zod/mini";
import { dns, integer, interfaceMac, netConf, prefix, text } from "../../src/cni/fields.ts";

const DEFAULT_BRIDGE = "cni0";

/** The whole configuration. */
export function bridge() {
  const flag = z._default(z.boolean(), false);
  return z.extend(netConf(), {
    bridge: z._default(text(), DEFAULT_BRIDGE),
    isGateway: flag,
    isDefaultGateway: flag,
    forceAddress: flag,
    ipMasq: flag,
    ipMasqBackend: z.optional(text()),
    nonMasqueradeCIDRs: z._default(z.array(prefix()), []),
    mtu: z._default(z.union([integer({ min: 0 }), z.literal("auto")]), 0),
    hairpinMode: flag,
    promiscMode: flag,
    portIsolation: flag,
    enabledad: flag,
    disableContainerInterface: flag,
    removeEmptyBridge: flag,
    vlan: z._default(integer(), 0),
    vlanTrunk: z.optional(z.array(trunkEntry())),
    preserveDefaultVlan: flag,
    macspoofchk: flag,
    spoofchk: z.optional(text()),
    dns: z.optional(dns()),
    args: z.optional(z.object({ cni: z.optional(z.object({ mac: z.optional(interfaceMac()) })) })),
    runtimeConfig: z.optional(z.object({ mac: z.optional(interfaceMac()) })),
  });
}

/** The settings that DEL and GC need to delete a bridge. The rest of the configuration may be invalid by then. */
export function removal() {
  return z.object({
    bridge: z.catch(z._default(text(), DEFAULT_BRIDGE), DEFAULT_BRIDGE),
    removeEmptyBridge: z.catch(z._default(z.boolean(), false), false),
  });
}

/** The subnets and gateways in the keys of host-local, as text. What is absent, and no text, is "". */
export function pools() {
  const any = () => z.catch(z._default(text(), ""), "");
  const range = () => ({ subnet: any(), gateway: any() });
  const ranges = z._default(z.array(z.array(z.object(range()))), []);
  return z.object({ ipam: z.optional(z.object({ ...range(), ranges })) });
}

function trunkEntry() {
  return z.object({ id: z.optional(integer()), minID: z.optional(integer()), maxID: z.optional(integer()) });
}
