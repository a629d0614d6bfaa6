import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Interface, Result } from "../../src/cni/result.ts";
import { compareVersions } from "../../src/cni/version.ts";
import { getLinkBrief } from "../../src/netlink/link/brief.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import type { AddressPlan } from "../../src/steps/address-plan.ts";
import { openContainer } from "../../src/steps/container.ts";
import { refuseExisting, reportLink } from "../../src/steps/container-interface.ts";
import { enableForwarding } from "../../src/steps/forwarding.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { announceAddresses, configureInterface, prepareInterface } from "../../src/steps/interface.ts";
import { type Assignment, chooseDns, holdAssignment } from "../../src/steps/ipam.ts";
import { masquerade, openMasqueradeBackend } from "../../src/steps/masquerade.ts";
import type { Backend } from "../../src/steps/netfilter.ts";
import { type Defer, undoOnError } from "../../src/steps/undo.ts";
import { connectVeth, forwards, type VethPair, waitForPort, waitForSpanningTree } from "../../src/steps/veth.ts";
import { planBridgeAddresses } from "./addresses.ts";
import { ensureBridge, pinBridgeMac, withBridge } from "./bridge-link.ts";
import { type BridgeConfig, parseBridgeConfig } from "./config.ts";
import { ensureGateway } from "./gateway.ts";
import { ensureGatewayAddresses } from "./gateway-address.ts";
import { chooseMtu, refuseLosingIpv6, refuseMtuBelowIpv6, reportMtu } from "./mtu.ts";
import { examineGateway } from "./obstacles.ts";
import { removeEmptyBridges } from "./removal.ts";
import type { SpoofGuard } from "./spoof-check.ts";
import { admitIps, guardPort, openSpoofGuard } from "./spoof-check.ts";
import { joinVlans, needForVlans, planVlans } from "./vlan.ts";

/** What one ADD works with. */
interface Attachment {
  readonly request: Request;
  readonly config: BridgeConfig;
  /** Undefined where the network has no addresses. */
  readonly ipam: Assignment | undefined;
  readonly host: Host;
  readonly container: Container;
  /** What masquerades, where that is asked for. */
  readonly backend: Backend | undefined;
  /** What checks the container's frames, where that is asked for. */
  readonly guard: SpoofGuard | undefined;
  readonly defer: Defer;
}

/** Attaches a container to a bridge. Whatever fails, nothing that this call made stays. */
export function add(request: Request, host: Host): Result {
  return undoOnError(request.log, (defer) => {
    const ipam = holdAssignment(request, host, defer);
    const config = parseBridgeConfig(request);
    refuseUntellable(request, config);
    const container = openContainer(host, request.netns);
    refuseExisting(container, request.ifname);
    const masquerades = config.ipMasq && config.ipam !== undefined;
    const backend = masquerades ? openMasqueradeBackend(host, request, config.ipMasqBackend) : undefined;
    const guard = config.spoofCheck === undefined ? undefined : openSpoofGuard(host, { request, config }, defer);
    return attach({ request, config, ipam, host, container, backend, guard, defer });
  });
}

function attach(attachment: Attachment): Result {
  const { host, ipam } = attachment;
  // Before IPAM begins: a kernel or a bridge that cannot serve the configuration shows here, with nothing touched.
  const { bridge, veth } = host.withBridges("used", () => connect(attachment));
  // IPAM looks for an address while all is made that needs none; it may take its time, so not while others wait for bridges.
  ipam?.begin();
  return withBridge(host, bridge, () => furnish(attachment, { bridge, veth }));
}

/** The bridge, and a port of it that the container hangs on. */
function connect({ request, config, host, container, guard, defer }: Attachment): { bridge: Link; veth: VethPair } {
  const mtu = chooseMtu(host, config.mtu, request.log);
  if (config.removeEmptyBridge) defer(() => removeEmptyBridges(request, host));
  const bridge = ensureBridge(host, { ...bridgeSpec(config), mtu }, defer);
  refuseLosingIpv6(host, bridge, mtu);
  const spec = { ...vethSpec(request, config), mtu, bridge, container, up: guard === undefined };
  return { bridge, veth: withBridge(host, bridge, () => connectVeth(host, spec, defer)) };
}

/** All that a connected container needs to be reached and to reach others. */
function furnish(attachment: Attachment, { bridge, veth }: { bridge: Link; veth: VethPair }): Result {
  const { request, config, ipam, host, container, guard } = attachment;
  joinVlans(host.netlink, bridge, veth.port, planVlans(config));
  if (guard !== undefined) guardPort(host, guard, { request, bridge, veth });
  const managed = ipam !== undefined;
  const options = { enableDad: config.enabledad, foreseeable: guard?.check === "strict", managed };
  if (!config.disableContainerInterface) prepareInterface(container, veth.inside, options);
  const port = config.disableContainerInterface ? undefined : waitForPort(host, veth.port);
  const links = settle(attachment, bridge, veth);
  const answer = ipam?.result();
  const plan = answer && assignAddresses(attachment, { answer, bridge, veth, links });
  if (port !== undefined && !forwards(port)) waitForSpanningTree(host, { bridge, port }, request.log);
  if (plan !== undefined) announceAddresses(container, veth.inside);
  return {
    interfaces: [links.bridge, links.port, links.inside, ...(plan?.vlanGateway ?? [])],
    ips: plan?.ips ?? [],
    routes: plan?.routes ?? [],
    dns: chooseDns(config.dns, answer),
  };
}

/** The oldest versions' results tell addresses alone. The text is the reference's, which finds out when all is made. */
function refuseUntellable({ version }: Request, { ipam }: BridgeConfig): void {
  if (ipam !== undefined || compareVersions(version, "0.3.0") >= 0) return;
  const details = `a network without IPAM needs cniVersion 0.3.0 or newer, found ${version}`;
  throw new CniError("invalidConfig", "cannot convert: no valid IP addresses", { details });
}

function bridgeSpec(config: BridgeConfig) {
  const { bridge: name, promiscMode: promiscuous } = config;
  return { name, promiscuous, vlanNeed: needForVlans(config) };
}

function vethSpec(request: Request, config: BridgeConfig) {
  const { mac, hairpinMode: hairpin, portIsolation: isolated } = config;
  return { ifname: request.ifname, mac, hairpin, isolated, owner: request };
}

/** Returns also what the result has to name besides: the gateway of a VLAN. */
function assignAddresses(
  { request, config, host, container, backend, guard, defer }: Attachment,
  { answer, bridge, veth, links }: { answer: Result; bridge: Link; veth: VethPair; links: Links },
): AddressPlan & { readonly vlanGateway: readonly Interface[] } {
  const plan = planBridgeAddresses(answer, config);
  refuseMtuBelowIpv6(plan, links);
  if (guard !== undefined) admitIps(guard, { request, bridge, veth }, plan.ips);
  configureInterface(container, veth.inside, { ...plan, enableDad: config.enabledad });
  const gateway = ensureGateway(host, { config, bridge, port: veth.port }, defer);
  const wanted = { addresses: plan.gatewayAddresses, force: config.forceAddress };
  const added = ensureGatewayAddresses(host, gateway, wanted, defer);
  for (const family of new Set(plan.gatewayAddresses.map(({ address }) => address.family)))
    enableForwarding(host, family);
  if (added.length > 0) examineGateway(request, host, { gateway: gateway.link, added, ips: plan.ips });
  if (backend !== undefined)
    masquerade(host, { request, backend, ips: plan.ips, keep: config.nonMasqueradeCIDRs }, defer);
  return { ...plan, vlanGateway: config.vlanGateway === undefined ? [] : [reportLink(gateway.link)] };
}

/** The links of an attachment as its result reports them. */
type Links = Readonly<Record<"bridge" | "port" | "inside", Interface>>;

/** The links as they are now that they are connected; the bridge with the MAC that it had before our port joined. */
function settle({ host, request }: Attachment, bridge: Link, veth: VethPair): Links {
  const now = getLinkBrief(host.netlink, bridge);
  pinBridgeMac(host, bridge, now);
  reportMtu({ before: bridge, now, port: veth.port }, request.log);
  const inside = reportLink(veth.inside, request.netns);
  return { bridge: { ...reportLink(now), mac: bridge.mac }, port: reportLink(veth.port), inside };
}
