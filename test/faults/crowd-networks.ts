import { PLACES } from "../fuzz/scenario.ts";
import type { Chain } from "./chain.ts";

/** On how many networks a crowd is. */
export const NETWORKS = 10;

/** A bridge and a subnet of its own; without masquerading, which the reference would keep in iptables. */
export function networkOf(number: number, subnet = `10.${100 + number}.0.0/24`): Chain {
  const bridge = {
    cniVersion: "1.1.0",
    name: `crowd${number}`,
    type: "bridge",
    bridge: `crowd${number}`,
    isGateway: true,
    ipam: { type: "host-local", ranges: [[{ subnet }]] },
  };
  return { name: `crowd${number}`, plugins: [bridge], path: PLACES.bin };
}
