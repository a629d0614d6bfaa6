import type { Request } from "../../src/cni/request.ts";
import type { Interface, IpConfig, Result, Route } from "../../src/cni/result.ts";
import { getLinkBrief } from "../../src/netlink/link/brief.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { setPort } from "../../src/netlink/link/set.ts";
import type { AddressPlan } from "../../src/steps/address-plan.ts";
import { openContainer } from "../../src/steps/container.ts";
import { refuseExisting, refuseUnreportable } from "../../src/steps/container-interface.ts";
import { enableForwarding } from "../../src/steps/forwarding.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { announceAddresses, configureInterface, prepareInterface } from "../../src/steps/interface.ts";
import { chooseDns, holdAssignment } from "../../src/steps/ipam.ts";
import { masquerade, openMasqueradeBackend } from "../../src/steps/masquerade/masquerade.ts";
import type { Backend } from "../../src/steps/netfilter.ts";
import { reportLink } from "../../src/steps/reported.ts";
import { type Defer, undoOnError } from "../../src/steps/undo.ts";
import { connectVeth, forwards, type VethPair, waitForPort, waitForSpanningTree } from "../../src/steps/veth.ts";
import { planBridgeAddresses } from "./addresses.ts";
import { awaitRunning, ensureBridge, pinBridgeMac, usingBridge } from "./bridge-link.ts";
import { type BridgeConfig, parseBridgeConfig } from "./config.ts";
import { ensureGateway } from "./gateway.ts";
import { ensureGatewayAddresses } from "./gateway-address.ts";
import { chooseMtu, refuseLosingIpv6, refuseSmallMtu, reportMtu } from "./mtu.ts";
import { examineGateway } from "./obstacles.ts";
import { removeEmptyBridges } from "./removal.ts";
import type { SpoofGuard } from "./spoof/guard.ts";
import { admitIps, guardPort, openSpoofGuard } from "./spoof/guard.ts";
import { joinVlans, needForVlans, planVlans } from "./vlan.ts";

/** Attaches a container to a bridge. On failure, every change of this call is undone. */
export function add(request: Request, host: Host): Result {
  return undoOnError(request.log, (defer) => {
    const ipam = holdAssignment(request, host, defer);
    const config = parseBridgeConfig(request);
    if (config.ipam === undefined) refuseUnreportable(request);
    const container = openContainer(host, request.netns);
    refuseExisting(container, request.ifname);
    const backend = openBackend(request, host, config);
    const guard = openSpoofGuard(host, { request, config, asks: ipam?.usesInterface ?? false }, defer);
    const call = { request, host, config, container, backend, guard, defer };
    // The kernel or the bridge may refuse here, before IPAM takes an address.
    const place = host.withBridges("used", () => connect(call));
    // IPAM can be slow. It starts only after the lock on bridges is released.
    ipam?.begin();
    return usingBridge(host, place.bridge, () => {
      guardFrames(call, place);
      const port = bringUp(call, place, { managed: ipam !== undefined });
      const links = reportLinks(call, place);
      // What IPAM sends from the interface must get through the port.
      if (ipam?.usesInterface) awaitForwarding(call, place.bridge, port);
      const answer = ipam?.result();
      const assigned = answer && assign(call, { ...place, links, answer });
      if (!ipam?.usesInterface) awaitForwarding(call, place.bridge, port);
      if (assigned !== undefined) announceAddresses(container, place.veth.inside);
      // Earlier, the container would get its own announcements back, and the kernel would log each one.
      if (config.hairpinMode) setPort(host.netlink, place.veth.port, { hairpin: true });
      const { ips, routes, gateways } = assigned ?? NOTHING_ASSIGNED;
      const interfaces = [links.bridge, links.port, links.inside, ...gateways];
      return { interfaces, ips, routes, dns: chooseDns(config.dns, answer) };
    });
  });
}

/** What the steps of one ADD work with. */
interface Call {
  readonly request: Request;
  readonly host: Host;
  readonly config: BridgeConfig;
  readonly container: Container;
  /** The backend that masquerades, if `ipMasq` asks for it. */
  readonly backend: Backend | undefined;
  /** The checks of the container's frames, if configured. */
  readonly guard: SpoofGuard | undefined;
  readonly defer: Defer;
}

/** A bridge, and the veth pair between it and the container. */
interface Connected {
  readonly bridge: Link;
  readonly veth: VethPair;
}

/** The backend that masquerades, if `ipMasq` asks for it. */
function openBackend(request: Request, host: Host, { ipMasq, ipam, ipMasqBackend }: BridgeConfig): Backend | undefined {
  return ipMasq && ipam !== undefined ? openMasqueradeBackend(host, request, ipMasqBackend) : undefined;
}

/** Ensures that the bridge exists, and connects the container to it with a veth pair. */
function connect({ request, host, config, container, guard, defer }: Call): Connected {
  const { bridge: name, promiscMode: promiscuous, mac, portIsolation: isolated } = config;
  const mtu = chooseMtu(host, config.mtu, request.log);
  if (config.removeEmptyBridge) defer(() => removeEmptyBridges(request, host));
  const bridge = ensureBridge(host, { name, promiscuous, vlanNeed: needForVlans(config), mtu }, defer);
  refuseLosingIpv6(host, bridge, mtu);
  const spec = { bridge, container, ifname: request.ifname, mtu, mac, isolated, owner: request };
  const veth = usingBridge(host, bridge, () => connectVeth(host, { ...spec, up: guard === undefined }, defer));
  return { bridge, veth };
}

/** Adds the port to its VLANs and sets up the spoof checks, before the first frame passes. */
function guardFrames({ request, host, config, guard }: Call, { bridge, veth }: Connected): void {
  joinVlans(host.netlink, bridge, veth.port, planVlans(config));
  if (guard !== undefined) guardPort(host, guard, { request, bridge, veth });
}

/** Brings the container's interface up and returns the port once it is up. With `disableContainerInterface` it does nothing. */
function bringUp(
  { host, config, container, guard }: Call,
  { veth }: Connected,
  { managed }: { managed: boolean },
): Link | undefined {
  if (config.disableContainerInterface) return undefined;
  const foreseeable = guard?.check === "strict";
  prepareInterface(container, veth.inside, { enableDad: config.enabledad, foreseeable, managed });
  return waitForPort(host, veth.port);
}

/** The addresses, routes and gateways that a result reports. */
interface Assigned {
  readonly ips: readonly IpConfig[];
  readonly routes: readonly Route[];
  /** The gateway in a VLAN, which is a link of its own. */
  readonly gateways: readonly Interface[];
}

const NOTHING_ASSIGNED: Assigned = { ips: [], routes: [], gateways: [] };

/** Gives the container what IPAM assigned. Makes the host its gateway if the configuration asks for that. */
function assign(call: Call, place: Connected & { readonly links: Links; readonly answer: Result }): Assigned {
  const { request, host, config, container, backend, guard, defer } = call;
  const { veth, links, answer } = place;
  const plan = planBridgeAddresses(answer, config);
  const { ips, routes } = plan;
  refuseSmallMtu(plan, links);
  if (guard !== undefined) admitIps(guard, { request, ...place }, ips);
  configureInterface(container, veth.inside, { ips, routes, enableDad: config.enabledad });
  const gateway = setUpGateway(call, { ...place, plan });
  if (backend !== undefined) masquerade(host, { request, backend, ips, keep: config.nonMasqueradeCIDRs }, defer);
  return { ips, routes, gateways: config.vlanGateway === undefined ? [] : [reportLink(gateway)] };
}

/** Returns the link that has the gateway's addresses. */
function setUpGateway(
  { request, host, config, defer }: Call,
  { bridge, veth, plan: { ips, gatewayAddresses: addresses } }: Connected & { readonly plan: AddressPlan },
): Link {
  const gateway = ensureGateway(host, { config, bridge, port: veth.port }, defer);
  const added = ensureGatewayAddresses(host, gateway, { addresses, force: config.forceAddress }, defer);
  for (const family of new Set(addresses.map(({ address }) => address.family))) enableForwarding(host, family);
  if (added.length > 0) examineGateway(request, host, { gateway: gateway.link, added, ips });
  return gateway.link;
}

/** Waits until the port forwards: a bridge with a spanning tree blocks a new port first. Waits until the gateway answers, too. */
function awaitForwarding({ request, host, config }: Call, bridge: Link, port: Link | undefined): void {
  if (port === undefined) return;
  if (!forwards(port)) waitForSpanningTree(host, { bridge, port }, request.log);
  else if (config.isGateway) awaitRunning(host, bridge);
}

/** The links of an attachment as its result reports them. */
type Links = Readonly<Record<"bridge" | "port" | "inside", Interface>>;

/** The links after they are connected. The bridge is reported with the MAC that it had before our port joined. */
function reportLinks({ host, request }: Call, { bridge, veth }: Connected): Links {
  const now = getLinkBrief(host.netlink, bridge);
  pinBridgeMac(host, bridge, now);
  reportMtu({ before: bridge, now, port: veth.port }, request.log);
  const inside = reportLink(veth.inside, request.netns);
  return { bridge: { ...reportLink(now), mac: bridge.mac }, port: reportLink(veth.port), inside };
}
