import type { Delegation } from "../../src/cni/delegate.ts";
import { CniError } from "../../src/cni/error.ts";
import { DelegateError } from "../../src/cni/exit.ts";
import type { Request } from "../../src/cni/request.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import { supportsKind } from "../../src/netlink/link/support.ts";
import { requireVlans } from "../../src/steps/bridge.ts";
import type { Host } from "../../src/steps/host.ts";
import { openMasqueradeBackend } from "../../src/steps/masquerade.ts";
import { runAll } from "../../src/steps/undo.ts";
import { type BridgeConfig, parseBridgeConfig } from "./config.ts";
import { requireSpoofCheck } from "./spoof-check.ts";
import { needForVlans } from "./vlan.ts";

/**
 * Whether an ADD could be served: by the kernel, by the bridge's name, and by the IPAM plugin. A handful of requests, for it is
 * asked every few seconds. @throws CniError unavailable that says what is wrong and what to do, or what the IPAM plugin says
 */
export function status(request: Request, host: Host): void {
  const config = parseBridgeConfig(request);
  let ipam: Delegation | undefined;
  runAll([
    () => {
      ipam = askIpam(() => startIpam(request, host, config));
    },
    () => refuseProblems([...checkHost(host, config), ...checkBackend(request, host, config)]),
    () => askIpam(() => ipam?.done()),
  ]);
}

function startIpam(request: Request, host: Host, { ipam }: BridgeConfig): Delegation | undefined {
  return ipam === undefined ? undefined : host.delegate(request, { command: "STATUS", type: ipam });
}

/** What the plugin itself says goes on as it is; one that cannot be run makes this one unavailable. */
function askIpam<T>(ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof CniError) || error instanceof DelegateError) throw error;
    throw new CniError("unavailable", `Cannot use the IPAM plugin: ${error.message}`, {
      details: error.details || "install it in a folder of CNI_PATH, or set ipam.type to another",
      cause: error,
    });
  }
}

function checkHost(host: Host, config: BridgeConfig): readonly string[] {
  const { bridge: name } = config;
  const need = needForVlans(config);
  const link = findLink(host.netlink, name);
  const unproven = link?.kind === "bridge" ? (["veth"] as const) : (["bridge", "veth"] as const);
  const missing = unproven.filter((kind) => !supportsKind(host.netlink, kind));
  return [
    ...missing.map((kind) => `The kernel has no links of kind "${kind}": load its module, "modprobe ${kind}"`),
    ...(link === undefined || link.kind === "bridge" ? [] : [describeConflict(name, link.kind)]),
    ...(need !== undefined && missing.length === 0 && (link?.kind ?? "bridge") === "bridge"
      ? refusalOf(() => requireVlans(host, link, need))
      : []),
  ];
}

/** What a call that throws says, with what to do. */
function refusalOf(act: () => void): readonly string[] {
  try {
    act();
    return [];
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    return [error.details === "" ? error.message : `${error.message} (${error.details})`];
  }
}

function describeConflict(name: string, kind: string): string {
  const what = kind === "" ? "a device" : `of kind "${kind}"`;
  return `Link "${name}" is ${what}, must be a bridge or free: rename or delete it, or set "bridge" to another name`;
}

function checkBackend(request: Request, host: Host, config: BridgeConfig): readonly string[] {
  const masquerades = config.ipMasq && config.ipam !== undefined;
  return [
    ...(masquerades ? refusalOf(() => openMasqueradeBackend(host, request, config.ipMasqBackend)) : []),
    ...refusalOf(() => requireSpoofCheck(host, request, config)),
  ];
}

function refuseProblems(problems: readonly string[]): void {
  if (problems.length > 0) throw new CniError("unavailable", problems.join("; "));
}
