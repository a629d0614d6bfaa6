import type { Mac } from "../../src/ip/mac.ts";
import type { Values } from "../../src/netlink/fields.ts";
import type { Hardware } from "../../src/netlink/link/device.ts";
import { IFF } from "../../src/netlink/link/header.ts";
import type { KEPT_FIELDS } from "../../src/netlink/link/kept-settings.ts";
import type { PortVlan } from "../../src/netlink/vlan/message.ts";
import type { FakeNamespace } from "./namespace.ts";

/** Whether a link carries traffic, RFC 2863. <linux/if.h> */
export const IF_OPER = { UNKNOWN: 0, DOWN: 2, LOWERLAYERDOWN: 3, UP: 6 } as const;

const READY: readonly number[] = [IF_OPER.UP, IF_OPER.UNKNOWN];

/** The other end of a veth, wherever that is. */
export interface Peer {
  readonly namespace: FakeNamespace;
  readonly index: number;
}

/** Settings of a bridge, as the kernel keeps them. */
export interface BridgeState {
  forwardDelay: number;
  spanningTree: number;
  vlanFiltering: number;
  defaultVlan: number;
  bits: number;
}

/** Settings of a port of a bridge. */
export interface PortState {
  hairpin: number;
  isolated: number;
  groups: number;
}

/** A link, as the kernel keeps it. */
export interface FakeLink {
  readonly index: number;
  name: string;
  /** Other names that it can be asked for by. */
  alternatives: readonly string[];
  readonly kind: string;
  mac: Mac;
  /** Whether somebody gave it the MAC: a bridge keeps it then. */
  isMacGiven: boolean;
  mtu: number;
  /** Whether a bridge's MTU was set after it was made: then it does not follow its ports'. */
  isMtuGiven: boolean;
  /** The bits of IFF, as they were set. */
  flags: number;
  operationalState: number;
  master: number | undefined;
  peer: Peer | undefined;
  /** What a macvlan, an ipvlan or a link in a VLAN stands on. */
  parent: Peer | undefined;
  /** Those of its kind, of these links and of a VRF. */
  settings: Readonly<Record<string, number>>;
  alias: string;
  group: number;
  transmitQueueLength: number;
  bridge: BridgeState | undefined;
  port: PortState | undefined;
  /** What it keeps in another namespace, if it has been set. */
  kept: Values<typeof KEPT_FIELDS>;
  /** What it is made of; undefined for a virtual link. */
  hardware: Partial<Hardware> | undefined;
  /** Of a bridge's port, or of the bridge itself. */
  vlans: readonly PortVlan[];
}

export function isUp(link: FakeLink): boolean {
  return (link.flags & IFF.UP) !== 0;
}

/** Whether packets can go through it. */
export function isReady(link: FakeLink): boolean {
  return isUp(link) && READY.includes(link.operationalState);
}

/** The link with a name or one of the other names. */
export function findByName(namespace: FakeNamespace, name: string): FakeLink | undefined {
  return [...namespace.links.values()].find((link) => link.name === name || link.alternatives.includes(name));
}

/** The ports of a bridge, in the order of their indices. */
export function portsOf(namespace: FakeNamespace, bridge: FakeLink): readonly FakeLink[] {
  return [...namespace.links.values()].filter(({ master }) => master === bridge.index);
}

/** What a link's state is where all of it has settled. */
export function settledState(namespace: FakeNamespace, link: FakeLink): number {
  if (!isUp(link)) return link.kind === "" ? IF_OPER.UNKNOWN : IF_OPER.DOWN;
  if (link.kind === "veth") {
    const peer = link.peer?.namespace.links.get(link.peer.index);
    return peer !== undefined && isUp(peer) ? IF_OPER.UP : IF_OPER.LOWERLAYERDOWN;
  }
  if (link.parent !== undefined) {
    const parent = link.parent.namespace.links.get(link.parent.index);
    return parent !== undefined && isReady(parent) ? IF_OPER.UP : IF_OPER.LOWERLAYERDOWN;
  }
  if (link.kind === "vrf") return IF_OPER.UP;
  if (link.kind !== "bridge") return IF_OPER.UNKNOWN;
  return portsOf(namespace, link).some(isReady) ? IF_OPER.UP : IF_OPER.DOWN;
}
