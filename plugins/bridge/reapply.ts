import type { Rebuilding } from "../../src/cni/rebuilding.ts";
import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import { getLink } from "../../src/netlink/link/get.ts";
import { setLink, setLinkUp, setPort } from "../../src/netlink/link/set.ts";
import { addressesOf } from "../../src/steps/check-addresses.ts";
import { checkForwarding, enableForwarding, forwardFrom } from "../../src/steps/forwarding.ts";
import type { Host } from "../../src/steps/host.ts";
import { endMasquerade } from "../../src/steps/masquerade/masquerade.ts";
import { findEnds, KEPT, rebuildAll, rebuildMasquerade } from "../../src/steps/rebuild.ts";
import { openRemains } from "../../src/steps/remains.ts";
import { runAll } from "../../src/steps/undo.ts";
import { planBridgeAddresses } from "./addresses.ts";
import { parseBridgeConfig } from "./config.ts";
import { ensureGateway } from "./gateway.ts";
import { ensureGatewayAddresses } from "./gateway-address.ts";
import { type Attached, rejoin, renewSpoofChecks } from "./rejoin.ts";
import { removeEmptyBridges } from "./removal.ts";
import { endSpoofCheck, verifySpoofGuard } from "./spoof/guard.ts";

/**
 * Rebuilds what ADD made on the host and somebody took: the bridge and the port on it with its settings, gateway addresses, forwarding,
 * masquerade and spoof checks. It changes nothing inside the container. @throws CniError checkFailed if the port cannot be brought back to the bridge
 */
export function reapply(request: Request, host: Host): Rebuilding {
  const config = parseBridgeConfig(request);
  const result = requirePrevResult(request);
  const veth = findEnds(request, host);
  const ips = addressesOf(result, request.ifname);
  const { bridge, port, made } = rejoin(host, { request, config, result, veth, ips });
  const attached = { request, config, bridge, veth: { ...veth, port }, ips };
  const { rebuilt, failed } = rebuildAll([
    { what: "bridge up", run: () => bringUp(host, attached) },
    { what: "gateway addresses", run: () => rebuildGateway(host, attached) },
    { what: "forwarding", run: () => rebuildForwarding(host, attached) },
    { what: "masquerade", run: () => rebuildRules(host, attached) },
    { what: "spoof checks", run: () => rebuildSpoofChecks(host, attached) },
    { what: "port settings", run: () => rebuildPort(host, attached) },
  ]);
  return { rebuilt: [...made, ...rebuilt], failed };
}

/** Deletes what reapply() may have rebuilt for an attachment that has ended since: its port and its lease are gone already. */
export function withdraw(request: Request, host: Host): void {
  const remains = openRemains(host);
  runAll([
    () => endMasquerade(request, remains),
    () => endSpoofCheck(request, remains),
    () => removeEmptyBridges(request, host),
  ]);
}

function bringUp(host: Host, { config, bridge }: Attached): boolean {
  const isLost = config.promiscMode && bridge.promiscuity === 0;
  if (bridge.up && !isLost) return false;
  setLink(host.netlink, bridge, { up: true, ...(isLost ? { promiscuous: true } : {}) });
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

function rebuildRules(host: Host, { request, config, ips }: Attached): boolean {
  if (!config.ipMasq || config.ipam === undefined) return false;
  const { ipMasqBackend: asked, nonMasqueradeCIDRs: keep } = config;
  return rebuildMasquerade(host, { request, asked, ips, keep });
}

function rebuildSpoofChecks(host: Host, attached: Attached): boolean {
  return lacksSpoofChecks(host, attached) && renewSpoofChecks(host, attached);
}

function lacksSpoofChecks(host: Host, { request, config, bridge, veth, ips }: Attached): boolean {
  return verifySpoofGuard(host, { request, bridge, veth, config }, ips).length > 0;
}

/** Hairpin mode, isolation, and the port up: not before its frames are checked. */
function rebuildPort(host: Host, attached: Attached): boolean {
  const { netlink } = host;
  const { hairpinMode: hairpin, portIsolation: isolated } = attached.config;
  const port = getLink(netlink, attached.veth.port.index);
  const isSet = Boolean(port.port?.hairpin) === hairpin && Boolean(port.port?.isolated) === isolated;
  if (!isSet) setPort(netlink, port, { hairpin, isolated });
  if (port.up || lacksSpoofChecks(host, attached)) return !isSet;
  setLinkUp(netlink, port);
  return true;
}
