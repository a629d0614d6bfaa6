import type { Mac } from "../../ip/mac.ts";
import { AF } from "../../linux/socket.ts";
import { encodeFields } from "../fields.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { BR_BOOLOPT, BRIDGE_FIELDS, type PortSettings } from "./attributes.ts";
import { IFF } from "./header.ts";
import type { LinkId, LinkMessage } from "./message.ts";
import { encodeLink } from "./message.ts";

/** Changes of a link's properties, in one request. Other properties stay. */
export interface LinkChanges {
  readonly up?: boolean;
  /** Whether it receives packets for other MACs. */
  readonly promiscuous?: boolean | undefined;
  /** Whether it receives every multicast packet. */
  readonly allMulticast?: boolean | undefined;
  readonly name?: string;
  readonly mac?: Mac | undefined;
  readonly mtu?: number | undefined;
  /** The index of the bridge whose port it becomes, or of the VRF that it joins; 0 for none. */
  readonly master?: number;
  readonly alias?: string;
  readonly group?: number;
  readonly transmitQueueLength?: number | undefined;
}

/** Changes a link, like `ip link set dev NAME …`. @throws NetlinkError ENODEV if it does not exist, EBUSY, EINVAL, … */
export function setLink(netlink: Rtnetlink, link: LinkId, changes: LinkChanges): void {
  const { up, promiscuous, allMulticast, ...attributes } = changes;
  const wanted = [
    [IFF.UP, up],
    [IFF.PROMISC, promiscuous],
    [IFF.ALLMULTI, allMulticast],
  ] as const;
  let flags = 0;
  let change = 0;
  for (const [bit, on] of wanted) {
    if (on !== undefined) change |= bit;
    if (on) flags |= bit;
  }
  const named = Object.entries(changes).filter(([, value]) => value !== undefined);
  const action = `set ${named.map(([name, value]) => `${name} ${value}`).join(", ")} on link "${link.name}"`;
  set(netlink, { header: { index: link.index, flags, change }, attributes }, action);
}

/** Sets a link up, like `ip link set dev NAME up`. A link that is already up is no error. @throws NetlinkError ENODEV */
export function setLinkUp(netlink: Rtnetlink, link: LinkId): void {
  setLink(netlink, link, { up: true });
}

/** All link-local groups except that of PAUSE frames, which no bridge forwards. BR_GROUPFWD_MACPAUSE in net/bridge/br_private.h */
export const ALL_GROUPS = 0xfffd;

/** Changes of a bridge port's settings. Other settings stay. */
export interface PortChanges {
  readonly hairpin?: boolean;
  readonly isolated?: boolean;
  /** Link-local groups, one bit each. */
  readonly groups?: number;
}

/**
 * Changes a bridge port, like `bridge link set dev NAME hairpin on isolated on`, and `ip link set dev NAME type bridge_slave
 * group_fwd_mask MASK`. @throws NetlinkError ENODEV, EOPNOTSUPP if the link is not a bridge port
 */
export function setPort(netlink: Rtnetlink, link: LinkId, port: PortChanges): void {
  const { hairpin, isolated, groups } = port;
  const settings: PortSettings = {
    hairpin: hairpin === undefined ? undefined : Number(hairpin),
    isolated: isolated === undefined ? undefined : Number(isolated),
    groups,
  };
  const show = (value: unknown) => (typeof value === "boolean" ? (value ? "on" : "off") : value);
  const action = `set ${Object.entries(port)
    .map(([name, value]) => `${name} ${show(value)}`)
    .join(", ")} on bridge port "${link.name}"`;
  set(netlink, { header: { family: AF.BRIDGE, index: link.index }, attributes: { port: settings } }, action);
}

/**
 * Stops a bridge from learning MACs from frames to link-local groups (STP, LLDP), which it accepts without consulting any rule, like
 * `ip link set dev NAME type bridge no_linklocal_learn 1`. @throws NetlinkError
 */
export function ignoreLinkLocalSenders(netlink: Rtnetlink, bridge: LinkId): void {
  const bit = 1 << BR_BOOLOPT.NO_LL_LEARN;
  const info = { kind: "bridge", data: encodeFields(BRIDGE_FIELDS, { bits: { values: bit, mask: bit } }) };
  const action = `set no_linklocal_learn on on bridge "${bridge.name}"`;
  // RTM_SETLINK ignores the data of a link's kind.
  const payload = encodeLink({ header: { index: bridge.index }, attributes: { info } });
  netlink.request({ type: RTM.NEWLINK, flags: NLM_F.ACK, payload, action });
}

function set(netlink: Rtnetlink, message: LinkMessage, action: string): void {
  netlink.request({ type: RTM.SETLINK, flags: NLM_F.ACK, payload: encodeLink(message), action });
}
