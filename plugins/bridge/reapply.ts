import { CniError } from "../../src/cni/error.ts";
import type { Rebuilding } from "../../src/cni/rebuilding.ts";
import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { IpConfig } from "../../src/cni/result.ts";
import { findLink, findOtherEnd } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { setLinkUp } from "../../src/netlink/link/set.ts";
import { addressesOf } from "../../src/steps/check-addresses.ts";
import { openContainer } from "../../src/steps/container.ts";
import { checkForwarding, enableForwarding } from "../../src/steps/forwarding.ts";
import type { Host } from "../../src/steps/host.ts";
import { checkMasquerade, masquerade, openMasqueradeBackend } from "../../src/steps/masquerade/masquerade.ts";
import { KEPT, rebuildAll } from "../../src/steps/rebuild.ts";
import { planBridgeAddresses } from "./addresses.ts";
import { type BridgeConfig, parseBridgeConfig } from "./config.ts";
import { ensureGateway } from "./gateway.ts";
import { ensureGatewayAddresses } from "./gateway-address.ts";
import { forwardFrom } from "./obstacles.ts";
import { admitIps, guardPort, openSpoofGuard, verifySpoofGuard } from "./spoof/guard.ts";

/** An attachment that lives: its links, and the addresses of its container. */
interface Attached {
  readonly request: Request;
  readonly config: BridgeConfig;
  readonly bridge: Link;
  readonly veth: { readonly port: Link; readonly inside: Link };
  readonly ips: readonly IpConfig[];
}

/**
 * Rebuilds what ADD made on the host and somebody took: gateway addresses, forwarding, masquerade and spoof checks. It changes nothing
 * inside the container and does not touch its port. @throws CniError checkFailed if the container is no longer on the bridge
 */
export function reapply(request: Request, host: Host): Rebuilding {
  const config = parseBridgeConfig(request);
  const attached = findAttached(request, host, config);
  return rebuildAll([
    { what: "bridge up", run: () => bringUp(host, attached) },
    { what: "gateway addresses", run: () => rebuildGateway(host, attached) },
    { what: "forwarding", run: () => rebuildForwarding(host, attached) },
    { what: "masquerade", run: () => rebuildMasquerade(host, attached) },
    { what: "spoof checks", run: () => rebuildSpoofChecks(host, attached) },
  ]);
}

function findAttached(request: Request, host: Host, config: BridgeConfig): Attached {
  const ips = addressesOf(requirePrevResult(request), request.ifname);
  const bridge = findLink(host.netlink, config.bridge);
  if (bridge?.kind !== "bridge") refuse(`bridge "${config.bridge}" is missing`);
  const inside = findLink(openContainer(host, request.netns).netlink, request.ifname);
  const port = inside && findOtherEnd(host.netlink, inside);
  if (inside === undefined || port === undefined)
    refuse(`the container has no "${request.ifname}" with an end on the host`);
  if (port.master !== bridge.index) refuse(`its port "${port.name}" is not on bridge "${bridge.name}"`);
  return { request, config, bridge, veth: { port, inside }, ips };
}

function refuse(reason: string): never {
  throw new CniError("checkFailed", `Cannot rebuild the attachment: ${reason}: start the container again`);
}

function bringUp(host: Host, { bridge }: Attached): boolean {
  if (bridge.up) return false;
  setLinkUp(host.netlink, bridge);
  return true;
}

function gatewaysOf({ config, ips }: Attached) {
  return planBridgeAddresses({ ips, routes: [] }, config).gatewayAddresses;
}

function rebuildGateway(host: Host, attached: Attached): boolean {
  const { config, bridge, veth } = attached;
  const addresses = gatewaysOf(attached);
  if (addresses.length === 0) return false;
  const gateway = ensureGateway(host, { config, bridge, port: veth.port }, KEPT);
  return ensureGatewayAddresses(host, gateway, { addresses, force: config.forceAddress }, KEPT).length > 0;
}

function rebuildForwarding(host: Host, attached: Attached): boolean {
  const families = [...new Set(gatewaysOf(attached).map(({ address }) => address.family))];
  const off = families.filter((family) => checkForwarding(host, family).length > 0);
  for (const family of off) enableForwarding(host, family);
  const link = attached.config.vlanGateway ?? attached.bridge.name;
  return forwardFrom(host, link, families) || off.length > 0;
}

function rebuildMasquerade(host: Host, { request, config, ips }: Attached): boolean {
  if (!config.ipMasq || config.ipam === undefined || ips.length === 0) return false;
  const { ipMasqBackend: asked, nonMasqueradeCIDRs: keep } = config;
  if (checkMasquerade(host, { request, asked, ips, keep }).length === 0) return false;
  masquerade(host, { request, backend: openMasqueradeBackend(host, request, asked), ips, keep }, KEPT);
  return true;
}

function rebuildSpoofChecks(host: Host, { request, config, bridge, veth, ips }: Attached): boolean {
  if (verifySpoofGuard(host, { request, bridge, veth, config }, ips).length === 0) return false;
  const guard = openSpoofGuard(host, { request, config }, KEPT);
  if (guard === undefined) return false;
  guardPort(host, guard, { request, bridge, veth });
  admitIps(guard, { request, bridge, veth }, ips);
  return true;
}
