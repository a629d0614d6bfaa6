import type { Interface } from "../../src/cni/result.ts";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import { addVeth } from "../../src/netlink/link/add.ts";
import { findLink, getLink } from "../../src/netlink/link/get.ts";
import { listPorts } from "../../src/netlink/link/list.ts";
import type { Link, LinkId } from "../../src/netlink/link/message.ts";
import { setLink, setLinkUp } from "../../src/netlink/link/set.ts";
import { listVlans } from "../../src/netlink/vlan/list.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { randomMac } from "../../src/steps/hardware-address.ts";
import type { Host } from "../../src/steps/host.ts";
import { randomName } from "../../src/steps/link-name.ts";
import { isMarked, isUnnamed, type Mark, marked } from "../../src/steps/owned-links.ts";
import { attemptSysctl } from "../../src/steps/sysctl.ts";
import { changeOwing, type Defer } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";
import { pinBridgeMac } from "./bridge-link.ts";
import type { BridgeConfig } from "./config.ts";
import { checkVlans, joinVlans, planVlans, type VlanPlan } from "./vlan.ts";

/** A VLAN of a bridge, the name of its gateway, and the container's port that this call put into it. */
export interface VlanMembership {
  readonly bridge: Link;
  readonly name: string;
  readonly port: LinkId;
  readonly config: VlanConfig;
}

/** The alias of the port that connects a VLAN's gateway with the bridge: it is there for containers, and none itself. */
const MARK: Mark = { alias: "VLAN gateway of the CNI plugin bridge", group: 0x434e4956 };

type VlanConfig = Pick<BridgeConfig, "vlan" | "preserveDefaultVlan">;

/**
 * The host's own interface in a bridge's VLAN, up, made where it is missing: a veth whose other end is a port of the
 * bridge. A link of that name that somebody else set up is taken as it is. One that this call made goes again when the call
 * fails, unless somebody else has come to use the VLAN.
 */
export function ensureVlanGateway(host: Host, membership: VlanMembership, defer: Defer): Link {
  const { bridge, name, config } = membership;
  const gateway = findLink(host.netlink, name) ?? createGateway(host, membership, defer);
  // Also where it was there: whoever made it may not have come further yet, or may have died before.
  const port = connectPort(host, bridge, gateway);
  if (port !== undefined) joinVlans(host.netlink, bridge, port, planGateway(config));
  // Router advertisements from containers must not reconfigure the host (CVE-2020-10749).
  attemptSysctl(() => host.sysctls.write(`net/ipv6/conf/${name}/accept_ra`, "0"));
  if (gateway.up) return gateway;
  setLinkUp(host.netlink, gateway);
  return getLink(host.netlink, gateway.index);
}

/** Whether a port of a bridge connects the gateway of a VLAN that we made. */
export function isGatewayPort(port: Link): boolean {
  return isMarked(MARK, port);
}

/** Whether no port of the bridge is in the VLAN but the container's and the gateway's own. */
export function isVlanUnused(host: Host, { bridge, name, port, config }: VlanMembership): boolean {
  const gateway = findLink(host.netlink, name);
  const ours = [port.index, gateway?.peer];
  const others = listPorts(host.netlink, bridge).filter(({ index }) => !ours.includes(index));
  return !others.some((other) => listVlans(host.netlink, other).some(({ id }) => id === config.vlan));
}

/** What differs about the gateway of a VLAN from how ADD makes it, as sentences. */
export function checkVlanGateway(
  host: Host,
  { bridge, name, config }: Omit<VlanMembership, "port">,
  reported: Interface | undefined,
): string[] {
  const gateway = findLink(host.netlink, name);
  if (gateway === undefined) return [`VLAN gateway "${name}" is missing`];
  const port = portOf(host, bridge, gateway);
  return [
    ...(reported === undefined ? [`VLAN gateway "${name}" is not among prevResult's interfaces`] : []),
    ...(reported?.mac === undefined || reported.mac.toLowerCase() === gateway.mac
      ? []
      : [`VLAN gateway "${name}" has MAC ${gateway.mac}, expected ${reported.mac}`]),
    ...(gateway.up ? [] : [`VLAN gateway "${name}" is down, expected up`]),
    ...(gateway.kind === "veth" && port === undefined
      ? [`VLAN gateway "${name}" is not connected to bridge "${bridge.name}"`]
      : []),
    ...(port === undefined ? [] : checkVlans(host.netlink, bridge, port, planGateway(config))),
  ];
}

function createGateway(host: Host, membership: VlanMembership, defer: Defer): Link {
  const { bridge, name } = membership;
  const { mtu } = bridge;
  const peer = { name, mac: randomMac(), mtu };
  const port = { name: randomName(), group: MARK.group, master: bridge.index, mac: randomMac() };
  const reversal = () => isVlanUnused(host, membership) && deleteLinkIfThere(host.netlink, name, peer);
  try {
    changeOwing(defer, reversal, () => addVeth(host.netlink, { ...port, up: true, mtu, peer }));
  } catch (error) {
    const other =
      error instanceof NetlinkError && error.errno === ERRNO.EEXIST ? findLink(host.netlink, name) : undefined;
    // Somebody else made it at the same moment.
    if (other !== undefined) return other;
    throw error;
  }
  pinBridgeMac(host, bridge, getLink(host.netlink, bridge.index));
  return getLink(host.netlink, name);
}

/** The same; one of ours whose bridge was deleted and made anew is connected again. */
function connectPort(host: Host, bridge: Link, gateway: Link): Link | undefined {
  const peer = gateway.peer === undefined ? undefined : findLink(host.netlink, gateway.peer);
  if (peer !== undefined && isUnnamed(MARK, peer)) setLink(host.netlink, peer, marked(MARK));
  if (peer === undefined || !isGatewayPort(peer) || peer.master !== undefined) return portOf(host, bridge, gateway);
  setLink(host.netlink, peer, { master: bridge.index, up: true });
  return getLink(host.netlink, peer.index);
}

/** The port of the bridge that is a veth's other end. */
function portOf(host: Host, bridge: Link, gateway: Link): Link | undefined {
  const peer = gateway.peer === undefined ? undefined : findLink(host.netlink, gateway.peer);
  return peer?.peer === gateway.index && peer.master === bridge.index ? peer : undefined;
}

/** The gateway is in the one VLAN: a trunk is the container's. */
function planGateway({ vlan, preserveDefaultVlan }: VlanConfig): VlanPlan {
  return planVlans({ vlan, vlanTrunk: undefined, preserveDefaultVlan });
}
