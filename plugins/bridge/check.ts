import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { BR_STATE } from "../../src/netlink/link/attributes.ts";
import { findLink, findOtherEnd } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { addressesOf, checkAddresses, missingAddresses } from "../../src/steps/check-addresses.ts";
import { openContainer } from "../../src/steps/container.ts";
import { checkInterface, checkMac } from "../../src/steps/container-interface.ts";
import { refuseDifferences } from "../../src/steps/differences.ts";
import { checkForwarding } from "../../src/steps/forwarding.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { checkWithIpam } from "../../src/steps/ipam.ts";
import { checkMasquerade } from "../../src/steps/masquerade/masquerade.ts";
import { findReported } from "../../src/steps/reported.ts";
import { forwards } from "../../src/steps/veth.ts";
import { planBridgeAddresses } from "./addresses.ts";
import { type BridgeConfig, parseBridgeConfig } from "./config.ts";
import { checkPath } from "./host-path.ts";
import { verifySpoofGuard } from "./spoof/guard.ts";
import { checkVlans, needForVlans, planVlans } from "./vlan.ts";
import { checkVlanGateway } from "./vlan-gateway.ts";

/** What a CHECK works with. */
interface Inspection {
  readonly request: Request;
  readonly config: BridgeConfig;
  readonly result: Result;
  readonly host: Host;
  readonly container: Container;
}

/** Compares the host's state with what ADD set up and reported. @throws CniError checkFailed naming every difference */
export function check(request: Request, host: Host): void {
  checkWithIpam(request, host, { inspect: () => inspect(request, host), compare });
}

function inspect(request: Request, host: Host): Inspection {
  const config = parseBridgeConfig(request);
  const result = requirePrevResult(request);
  return { request, config, result, container: openContainer(host, request.netns), host };
}

function compare(inspection: Inspection): void {
  const { request, config, result, host, container } = inspection;
  const bridge = findLink(host.netlink, config.bridge);
  const inside = findLink(container.netlink, request.ifname);
  const differences = [
    ...checkBridge(inspection, bridge),
    ...checkInterface(container, inside, {
      ifname: request.ifname,
      kind: "veth",
      result,
      mayBeDown: config.disableContainerInterface,
    }),
    ...(inside === undefined ? [] : checkPort(inspection, { bridge, inside })),
    ...(bridge === undefined ? [] : checkGateway(inspection, bridge)),
    ...(inside === undefined ? [] : checkAddresses(container.netlink, inside, result)),
    ...(config.ipMasq && config.ipam !== undefined
      ? checkMasquerade(host, {
          request,
          asked: config.ipMasqBackend,
          ips: result.ips,
          keep: config.nonMasqueradeCIDRs,
        })
      : []),
  ];
  refuseDifferences(differences);
}

function checkBridge({ config, result }: Inspection, bridge: Link | undefined): string[] {
  const { bridge: name, promiscMode } = config;
  if (bridge === undefined) return [`Bridge "${name}" is missing`];
  if (bridge.kind !== "bridge") return [`Link "${name}" is a ${bridge.kind || "device"}, expected a bridge`];
  const reported = findReported(result, name);
  return [
    ...(reported === undefined ? [`Bridge "${name}" is not among prevResult's interfaces`] : []),
    // Without a gateway nobody uses the bridge's MAC. A Go plugin's bridge changes it as ports join.
    ...(config.isGateway ? checkMac(`Bridge "${name}"`, reported?.mac, bridge) : []),
    ...(bridge.up ? [] : [`Bridge "${name}" is down, expected up`]),
    ...(needForVlans(config) !== undefined && bridge.bridge?.vlanFiltering !== 1
      ? [`Bridge "${name}" does not filter VLANs, expected vlan_filtering 1`]
      : []),
    ...(promiscMode && bridge.promiscuity === 0 ? [`Bridge "${name}" is not promiscuous, expected promiscMode`] : []),
  ];
}

/**
 * Checks the host's end of the veth: the container's interface is its peer, it is a port of the bridge, and its settings match. Its MAC
 * is not checked: udev changes that of a Go plugin's port. The MTU of the container's end is not checked: a later plugin may set it.
 */
function checkPort(
  { request, config, result, host }: Inspection,
  { bridge, inside }: { bridge: Link | undefined; inside: Link },
): string[] {
  const port = findOtherEnd(host.netlink, inside);
  if (port === undefined) return [`CNI veth created for bridge ${config.bridge} was not found`];
  const what = `Port "${port.name}"`;
  const reported = findReported(result, port.name);
  return [
    ...(reported === undefined ? [`${what} is not among prevResult's interfaces`] : []),
    ...checkMtu(what, reported?.mtu ?? config.mtu, port),
    ...(bridge !== undefined && port.master === bridge.index
      ? checkVlans(host.netlink, bridge, port, planVlans(config))
      : [describeMaster(host, port, config)]),
    ...(port.up ? [] : [`${what} is down, expected up`]),
    ...(port.up && port.port?.state !== BR_STATE.DISABLED && !forwards(port)
      ? [`${what} does not forward: the spanning tree of bridge "${config.bridge}" holds it back`]
      : []),
    ...checkFlag(`${what} has hairpin mode`, config.hairpinMode, port.port?.hairpin),
    ...checkFlag(`${what} is isolated`, config.portIsolation, port.port?.isolated),
    ...(bridge === undefined || config.spoofCheck === undefined
      ? []
      : verifySpoofGuard(
          host,
          { request, bridge, veth: { port, inside }, config },
          addressesOf(result, request.ifname),
        )),
  ];
}

function describeMaster({ netlink }: Host, port: Link, { bridge }: BridgeConfig): string {
  const other = port.master === undefined ? undefined : findLink(netlink, port.master);
  const found = other === undefined ? "" : `, found on "${other.name}"`;
  return `Port "${port.name}" is not a port of bridge "${bridge}"${found}`;
}

/** Checks the host's interface in the container's network: with `vlan` a link in that VLAN, else the bridge itself. */
function checkGateway({ request, config, result, host }: Inspection, bridge: Link): string[] {
  const { vlanGateway: name } = config;
  const reported = findReported(result, name);
  const link = name === undefined ? bridge : findLink(host.netlink, name);
  const ips = addressesOf(result, request.ifname);
  const { gatewayAddresses: prefixes } = planBridgeAddresses({ ips, routes: [] }, config);
  const what = `${name === undefined ? "Bridge" : "VLAN gateway"} "${link?.name}"`;
  return [
    ...(name === undefined ? [] : checkVlanGateway(host, { bridge, name, config }, reported)),
    ...(link === undefined ? [] : missingAddresses(host.netlink, link, { what, prefixes })),
    ...[...new Set(prefixes.map(({ address }) => address.family))].flatMap((family) => checkForwarding(host, family)),
    ...(link === undefined || prefixes.length === 0 ? [] : checkPath(host, link, { ips, ifname: request.ifname })),
  ];
}

/**
 * An MTU that the kernel chose, or that came from the default route's link, is only in the result. Versions below 1.0.0 do not report it.
 */
function checkMtu(what: string, expected: BridgeConfig["mtu"], link: Link): string[] {
  if (expected === "auto" || expected === 0 || expected === link.mtu) return [];
  return [`${what} has MTU ${link.mtu}, expected ${expected}`];
}

function checkFlag(what: string, expected: boolean, found: number | undefined): string[] {
  if (Boolean(found) === expected) return [];
  return [`${what} ${found ? "on" : "off"}, expected ${expected ? "on" : "off"}`];
}
