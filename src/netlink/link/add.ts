import type { Mac } from "../../ip/mac.ts";
import { encodeFields } from "../fields.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import type { LinkAttributes } from "./attributes.ts";
import { BRIDGE_FIELDS } from "./attributes.ts";
import { IFF } from "./header.ts";
import type { LinkMessage } from "./message.ts";
import { encodeLink, VETH_FIELDS } from "./message.ts";

/** The settings of a new link. The kernel's defaults are a random MAC, an MTU of 1500, a transmit queue of 1000 packets, and down. */
export interface NewLink {
  readonly name: string;
  readonly mtu?: number | undefined;
  readonly mac?: Mac | undefined;
  readonly up?: boolean | undefined;
  readonly group?: number | undefined;
  readonly transmitQueueLength?: number | undefined;
}

export interface NewBridge extends NewLink {
  readonly vlanFiltering?: boolean | undefined;
}

export interface NewVeth extends NewLink {
  /** The index of the bridge whose port this end becomes. */
  readonly master?: number | undefined;
  /**
   * The other end, in the namespace of the descriptor `netns` or in the current one. It must be given, because the kernel has no
   * default.
   */
  readonly peer: Omit<NewLink, "up"> & { readonly netns?: number | undefined };
}

/** Adds a bridge, like `ip link add NAME type bridge`. @throws NetlinkError EEXIST if the name is taken */
export function addBridge(netlink: Rtnetlink, bridge: NewBridge): void {
  const { vlanFiltering } = bridge;
  const settings =
    vlanFiltering === undefined ? {} : { data: encodeFields(BRIDGE_FIELDS, { vlanFiltering: Number(vlanFiltering) }) };
  add(netlink, message(bridge, { info: { kind: "bridge", ...settings } }), `add bridge "${bridge.name}"`);
}

/**
 * Adds both ends of a veth, like `ip link add NAME master BRIDGE type veth peer name NAME netns NETNS`. It is one request, so other
 * processes never see it half made. @throws NetlinkError EEXIST if one of the names is taken
 */
export function addVeth(netlink: Rtnetlink, veth: NewVeth): void {
  const data = encodeFields(VETH_FIELDS, { peer: message(veth.peer, { netnsFd: veth.peer.netns }) });
  const action = `add veth "${veth.name}" with peer "${veth.peer.name}"`;
  add(netlink, message(veth, { master: veth.master, info: { kind: "veth", data } }), action);
}

/**
 * Adds an IFB, a link that sends out the packets redirected to it, like `ip link add NAME type ifb`. @throws NetlinkError EEXIST,
 * EOPNOTSUPP
 */
export function addIfb(netlink: Rtnetlink, ifb: NewLink): void {
  add(netlink, message(ifb, { info: { kind: "ifb" } }), `add ifb "${ifb.name}"`);
}

function message(link: NewLink, more: LinkAttributes): LinkMessage {
  const { name, mtu, mac, group, transmitQueueLength } = link;
  const header = link.up ? { flags: IFF.UP, change: IFF.UP } : {};
  return { header, attributes: { name, mtu, mac, group, transmitQueueLength, ...more } };
}

function add(netlink: Rtnetlink, link: LinkMessage, action: string): void {
  const flags = NLM_F.CREATE | NLM_F.EXCL | NLM_F.ACK;
  netlink.request({ type: RTM.NEWLINK, flags, payload: encodeLink(link), action });
}
