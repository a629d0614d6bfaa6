import type { Request } from "../../src/cni/request.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { supportsKind } from "../../src/netlink/link/support.ts";
import type { Host } from "../../src/steps/host.ts";
import { statusWithIpam } from "../../src/steps/ipam.ts";
import { openMasqueradeBackend } from "../../src/steps/masquerade/masquerade.ts";
import { refusalOf, refuseProblems } from "../../src/steps/problems.ts";
import { requireVlans } from "./bridge-link.ts";
import { findClashes } from "./clashes.ts";
import { type BridgeConfig, parseBridgeConfig } from "./config.ts";
import { requireSpoofCheck } from "./spoof/guard.ts";
import { needForVlans } from "./vlan.ts";

/**
 * Whether an ADD could succeed: asks the kernel, checks the bridge's name, and asks the IPAM plugin. It makes few requests because it
 * runs every few seconds.
 * @throws CniError unavailable with the problem and the remedy, or the IPAM plugin's error
 */
export function status(request: Request, host: Host): void {
  const config = parseBridgeConfig(request);
  statusWithIpam(request, host, () => {
    const bridge = findLink(host.netlink, config.bridge);
    const problems = [...checkHost(host, config, bridge), ...checkBackend(request, host, config)];
    refuseProblems(problems.length > 0 ? problems : findClashes(request, host, { config, bridge }));
  });
}

function checkHost(host: Host, config: BridgeConfig, link: Link | undefined): readonly string[] {
  const { bridge: name } = config;
  const need = needForVlans(config);
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
