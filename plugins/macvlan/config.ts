import { parseMacArg } from "../../src/cni/args.ts";
import { parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Dns } from "../../src/cni/result.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { MACVLAN_MODE } from "../../src/netlink/link/child.ts";
import type { MasterConfig } from "../../src/steps/master.ts";
import { nameOf, parseName } from "../../src/steps/named-number.ts";
import { macvlan } from "./schema.ts";

/** The modes by their names in the configuration. */
const MODES = {
  bridge: MACVLAN_MODE.BRIDGE,
  private: MACVLAN_MODE.PRIVATE,
  vepa: MACVLAN_MODE.VEPA,
  passthru: MACVLAN_MODE.PASSTHRU,
} as const;

export type Mode = keyof typeof MODES;

/** The configuration of `macvlan`, with defaults filled in. */
export interface MacvlanConfig extends MasterConfig {
  readonly mode: Mode;
  /** 0 for the master's. */
  readonly mtu: number;
  /** The requested MAC of the container's interface. */
  readonly mac: Mac | undefined;
  /** 0 for the kernel's own. */
  readonly bcqueuelen: number;
  readonly dns?: Dns | undefined;
}

/** Reads the configuration and CNI_ARGS. @throws CniError invalidConfig or invalidEnvironment */
export function parseMacvlanConfig(request: Request): MacvlanConfig {
  const { args, runtimeConfig, mode, mac, ...fields } = parseRequest(macvlan, request);
  const fromArgs = parseMacArg(request.args);
  const requested = runtimeConfig?.mac ?? args?.cni?.mac ?? fromArgs ?? mac;
  return { ...fields, mac: requested, mode: parseName("unknown macvlan mode", MODES, mode || "bridge") };
}

/** MACVLAN_MODE of a mode. */
export function modeNumber(mode: Mode): number {
  return MODES[mode];
}

/** The name of a mode, or its number if it has none here. */
export function modeName(number: number | undefined): string {
  return nameOf(MODES, number);
}
