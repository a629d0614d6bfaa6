import type { Result } from "../../src/cni/result.ts";
import { type AddressPlan, planAddresses } from "../../src/steps/address-plan.ts";
import type { BridgeConfig } from "./config.ts";

/** Index of the container's interface in the result: the bridge is 0, the host's end of the veth 1. */
const CONTAINER_INTERFACE = 2;

/** The addresses and routes of a container behind a bridge, and the addresses of the bridge itself. */
export function planBridgeAddresses(
  ipam: Pick<Result, "ips" | "routes">,
  { isGateway, isDefaultGateway }: Pick<BridgeConfig, "isGateway" | "isDefaultGateway">,
): AddressPlan {
  return planAddresses(ipam, { isGateway, isDefaultGateway, interface: CONTAINER_INTERFACE });
}
