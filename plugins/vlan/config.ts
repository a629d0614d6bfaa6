import { CniError } from "../../src/cni/error.ts";
import { findMember, isObject } from "../../src/cni/json.ts";
import { parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Dns } from "../../src/cni/result.ts";
import { requireIpam } from "../../src/steps/ipam.ts";
import type { MasterConfig } from "../../src/steps/master.ts";
import { vlan } from "./schema.ts";

/** The highest VLAN ID; 4095 is reserved. IEEE 802.1Q, 9.6 */
const MAX_VLAN = 4094;

/** The configuration of `vlan`, with defaults filled in. */
export interface VlanConfig extends MasterConfig {
  readonly master: string;
  readonly vlanId: number;
  /** 0 for the master's. */
  readonly mtu: number;
  /** Whether several containers share the VLAN. */
  readonly shared: boolean;
  readonly dns?: Dns | undefined;
}

/** Reads the configuration, which must name a master and an IPAM plugin. @throws CniError invalidConfig */
export function parseVlanConfig(request: Request): VlanConfig {
  const config = parseRequest(vlan, request);
  if (config.master === "")
    invalid('"master" field is required. It specifies the host interface name to create the VLAN for');
  if (config.vlanId < 0 || config.vlanId > MAX_VLAN)
    invalid(`invalid VLAN ID ${config.vlanId} (must be between 0 and ${MAX_VLAN})`);
  requireIpam(request, "vlan interface requires an IPAM configuration");
  return config;
}

/** Whether several containers share the VLAN. Also for DEL: the rest of the configuration may be invalid by then. */
export function isShared({ config }: Request): boolean {
  return isObject(config) && findMember(config, "shared") === true;
}

function invalid(message: string): never {
  throw new CniError("invalidConfig", message);
}
