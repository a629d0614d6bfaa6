import type * as z from "zod/mini";
import { parseMacArg } from "../../src/cni/args.ts";
import { parseConfig } from "../../src/cni/config.ts";
import { validateIfname } from "../../src/cni/environment.ts";
import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Mac } from "../../src/ip/mac.ts";
import * as schema from "./schema.ts";
import type { SpoofCheck } from "./spoof/elements.ts";
import { MAX_VLAN } from "./vlan-id.ts";
import { expandTrunk } from "./vlan-trunk.ts";

/** What `bridge` was asked to do: every field has its default, and every combination that cannot work is refused. */
export interface BridgeConfig
  extends Omit<
    z.output<ReturnType<typeof schema.bridge>>,
    "args" | "runtimeConfig" | "ipam" | "vlanTrunk" | "macspoofchk" | "spoofchk"
  > {
  /** Type of the IPAM plugin; undefined where the network has no addresses (layer 2). */
  readonly ipam: string | undefined;
  /** The container interface's hardware address, where one was asked for. */
  readonly mac: Mac | undefined;
  /** IDs in ascending order. Undefined where there is no such key; an empty list still asks for a bridge that filters VLANs. */
  readonly vlanTrunk: readonly number[] | undefined;
  /** Name of the link that holds the gateway addresses of a VLAN: `cni0.100`. Undefined where the bridge does, or nothing. */
  readonly vlanGateway: string | undefined;
  /** What the container's frames are checked for; undefined where they are not. */
  readonly spoofCheck: SpoofCheck | undefined;
}

/** Reads the configuration and CNI_ARGS. @throws CniError invalidConfig, unsupportedField or invalidEnvironment */
export function parseBridgeConfig(request: Request): BridgeConfig {
  const { args, runtimeConfig, ipam, macspoofchk, spoofchk, ...fields } = parseConfig(schema.bridge, request.config);
  const fromArgs = parseMacArg(request.args);
  refuseBadName("bridge", fields.bridge);
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

/** More than `macspoofchk`, which has no more than one kind. */
function parseSpoofCheck(value: string | undefined): "strict" | undefined {
  if (value === undefined || value === "strict") return value;
  return invalid(`unknown spoofchk ${JSON.stringify(value)}: must be "strict"`);
}

/** The kernel would refuse it too, but for %, in whose place it puts a number, and for NUL, at which it ends. */
function refuseBadName(what: string, name: string): void {
  const quoted = JSON.stringify(name);
  if (name.includes("%")) invalid(`Cannot use ${what} ${quoted}: interface name contains %`);
  if (name.includes("\0")) invalid(`Cannot use ${what} ${quoted}: interface name contains NUL`);
  try {
    validateIfname(name);
  } catch (error) {
    if (error instanceof CniError) invalid(`Cannot use ${what} ${quoted}: ${error.message}`);
    throw error;
  }
}

/** What DEL and GC need to take a bridge away, whatever else is in the configuration by now. */
export function readRemoval(request: Request): { readonly bridge: string; readonly isAskedFor: boolean } {
  const { bridge, removeEmptyBridge } = parseConfig(schema.removal, request.config);
  // To the kernel a NUL ends the name: it would be another bridge's.
  return { bridge, isAskedFor: removeEmptyBridge && !bridge.includes("\0") };
}

function refuseContradictions(config: BridgeConfig): void {
  if (config.vlan < 0 || config.vlan > MAX_VLAN) {
    invalid(`invalid VLAN ID ${config.vlan} (must be between 0 and ${MAX_VLAN})`);
  }
  if (config.vlanGateway !== undefined) refuseBadName(`vlan ${config.vlan} with the gateway`, config.vlanGateway);
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

/** "strict" has to know the addresses that a container may send from: those that IPAM gives it. */
function refuseUncheckable({ ipam, vlanTrunk }: BridgeConfig): void {
  const why = "the addresses are not known, macspoofchk checks the MAC alone";
  if (ipam === undefined) invalid(`cannot use spoofchk "strict" without IPAM: ${why}`);
  if (vlanTrunk !== undefined && vlanTrunk.length > 0) invalid(`cannot use spoofchk "strict" with vlanTrunk: ${why}`);
}

function invalid(message: string): never {
  throw new CniError("invalidConfig", message);
}
