import type * as z from "zod/mini";
import { parseMacArg } from "../../src/cni/args.ts";
import { parseConfig } from "../../src/cni/config.ts";
import { validateNewLinkName } from "../../src/cni/environment.ts";
import { CniError } from "../../src/cni/error.ts";
import { parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Mac } from "../../src/ip/mac.ts";
import * as schema from "./schema.ts";
import type { SpoofCheck } from "./spoof/elements.ts";
import { MAX_VLAN } from "./vlan-id.ts";
import { expandTrunk } from "./vlan-trunk.ts";

/** The configuration of `bridge`, with all defaults filled in. Combinations that cannot work have been refused. */
export interface BridgeConfig
  extends Omit<
    z.output<ReturnType<typeof schema.bridge>>,
    "args" | "runtimeConfig" | "ipam" | "vlanTrunk" | "macspoofchk" | "spoofchk"
  > {
  /** Type of the IPAM plugin. Undefined for a network without addresses (layer 2). */
  readonly ipam: string | undefined;
  /** The requested MAC of the container's interface. */
  readonly mac: Mac | undefined;
  /** IDs in ascending order. Undefined without the key. An empty list still needs a bridge with VLAN filtering. */
  readonly vlanTrunk: readonly number[] | undefined;
  /** Name of the link with a VLAN's gateway addresses: `cni0.100`. Undefined if the bridge has them, or there are none. */
  readonly vlanGateway: string | undefined;
  /** How the container's frames are checked. Undefined for no checks. */
  readonly spoofCheck: SpoofCheck | undefined;
}

/** Reads the configuration and CNI_ARGS. @throws CniError invalidConfig, unsupportedField or invalidEnvironment */
export function parseBridgeConfig(request: Request): BridgeConfig {
  const { args, runtimeConfig, ipam, macspoofchk, spoofchk, ...fields } = parseRequest(schema.bridge, request);
  const fromArgs = parseMacArg(request.args);
  validateNewLinkName("bridge", fields.bridge);
  const isGateway = fields.isGateway || fields.isDefaultGateway;
  const type = ipam?.type === "" ? undefined : ipam?.type;
  const config = {
    ...fields,
    isGateway,
    ipam: type,
    mac: runtimeConfig?.mac ?? args?.cni?.mac ?? fromArgs,
    vlanTrunk: fields.vlanTrunk && expandTrunk(fields.vlanTrunk),
    vlanGateway: isGateway && type !== undefined && fields.vlan !== 0 ? `${fields.bridge}.${fields.vlan}` : undefined,
    spoofCheck: parseSpoofCheck(spoofchk) ?? (macspoofchk ? ("mac" as const) : undefined),
  };
  refuseContradictions(config);
  return config;
}

/** Reads `spoofchk`, which goes further than `macspoofchk`. It has one value. */
function parseSpoofCheck(value: string | undefined): "strict" | undefined {
  if (value === undefined || value === "strict") return value;
  return invalid(`unknown spoofchk ${JSON.stringify(value)}: must be "strict"`);
}

/** The settings that DEL and GC need to delete a bridge. The rest of the configuration may be invalid by then. */
export function readRemoval(request: Request): { readonly bridge: string; readonly isAskedFor: boolean } {
  const { bridge, removeEmptyBridge } = parseConfig(schema.removal, request.config);
  // The kernel ends a name at NUL, so this would delete another bridge.
  return { bridge, isAskedFor: removeEmptyBridge && !bridge.includes("\0") };
}

function refuseContradictions(config: BridgeConfig): void {
  if (config.vlan < 0 || config.vlan > MAX_VLAN) {
    invalid(`invalid VLAN ID ${config.vlan} (must be between 0 and ${MAX_VLAN})`);
  }
  if (config.vlanGateway !== undefined) validateNewLinkName(`vlan ${config.vlan} with the gateway`, config.vlanGateway);
  if (config.hairpinMode && config.promiscMode) {
    invalid("cannot set hairpin mode and promiscuous mode at the same time");
  }
  if (config.disableContainerInterface && config.ipam !== undefined) {
    invalid("cannot use IPAM when DisableContainerInterface flag is set");
  }
  const backend = config.ipMasqBackend;
  if (backend !== undefined && backend !== "nftables" && backend !== "iptables") {
    invalid(`unknown ipmasq backend ${JSON.stringify(backend)}`);
  }
  if (config.spoofCheck === "strict") refuseUncheckable(config);
}

/** "strict" needs the addresses that a container may send from: those that IPAM assigns. */
function refuseUncheckable({ ipam, vlanTrunk }: BridgeConfig): void {
  const why = "the addresses are not known, macspoofchk checks the MAC alone";
  if (ipam === undefined) invalid(`cannot use spoofchk "strict" without IPAM: ${why}`);
  if (vlanTrunk !== undefined && vlanTrunk.length > 0) invalid(`cannot use spoofchk "strict" with vlanTrunk: ${why}`);
}

function invalid(message: string): never {
  throw new CniError("invalidConfig", message);
}
