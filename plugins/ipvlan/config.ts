import { parseRequest } from "../../src/cni/parse-request.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Dns } from "../../src/cni/result.ts";
import { IPVLAN_F, IPVLAN_MODE } from "../../src/netlink/link/child.ts";
import type { MasterConfig } from "../../src/steps/master.ts";
import { nameOf, parseName } from "../../src/steps/named-number.ts";
import { ipvlan } from "./schema.ts";

/** The modes and flags by their names in the configuration. */
const MODES = { l2: IPVLAN_MODE.L2, l3: IPVLAN_MODE.L3, l3s: IPVLAN_MODE.L3S } as const;
const FLAGS = { bridge: 0, private: IPVLAN_F.PRIVATE, vepa: IPVLAN_F.VEPA } as const;

/** The configuration of `ipvlan`, with defaults filled in. */
export interface IpvlanConfig extends MasterConfig {
  readonly mode: keyof typeof MODES;
  readonly flags: keyof typeof FLAGS;
  /** 0 or less for the master's. */
  readonly mtu: number;
  readonly dns?: Dns | undefined;
}

/** What all ipvlans of a master have in common, as the kernel has it. */
export interface PortSettings {
  readonly mode: number;
  readonly flags: number;
}

/** Reads the configuration. @throws CniError invalidConfig */
export function parseIpvlanConfig(request: Request): IpvlanConfig {
  const { mode, flags, ...fields } = parseRequest(ipvlan, request);
  return {
    ...fields,
    mode: parseName("unknown ipvlan mode", MODES, mode || "l2"),
    flags: parseName("unknown ipvlan flags", FLAGS, flags || "bridge"),
  };
}

/** The numbers of a configuration's mode and flags. */
export function settingsOf({ mode, flags }: Pick<IpvlanConfig, "mode" | "flags">): PortSettings {
  return { mode: MODES[mode], flags: FLAGS[flags] };
}

/** The name of a mode, or its number if it has none here. */
export function modeName(number: number | undefined): string {
  return nameOf(MODES, number);
}

/** The name of flags, or their number if they have none here. */
export function flagsName(number: number | undefined): string {
  return nameOf(FLAGS, number);
}
