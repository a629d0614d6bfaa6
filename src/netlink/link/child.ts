import type { Mac } from "../../ip/mac.ts";
import { u16, u16be, u32 } from "../codec.ts";
import { decoderOf, encodeFields, type Values } from "../fields.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { askForLink, findLink } from "./get.ts";
import { decodeLink, encodeLink, type Link, readLink, relatedIndex } from "./message.ts";

/** Settings of a macvlan. <linux/if_link.h> */
const IFLA_MACVLAN = { MODE: 1, BC_QUEUE_LEN: 7 } as const;

/** How the macvlans of one link reach each other. <linux/if_link.h> */
export const MACVLAN_MODE = { PRIVATE: 1, VEPA: 2, BRIDGE: 4, PASSTHRU: 8 } as const;

/** A macvlan's mode, and how many broadcasts wait for delivery on its parent. */
export const MACVLAN_FIELDS = {
  mode: [IFLA_MACVLAN.MODE, u32],
  queueLength: [IFLA_MACVLAN.BC_QUEUE_LEN, u32],
} as const;

/** Settings of an ipvlan. <linux/if_link.h> */
const IFLA_IPVLAN = { MODE: 1, FLAGS: 2 } as const;

/** Where the ipvlans of one link take part in IP. <linux/if_link.h> */
export const IPVLAN_MODE = { L2: 0, L3: 1, L3S: 2 } as const;

/** How the ipvlans of one link reach each other; none of these bits: as if bridged. <linux/if_link.h> */
export const IPVLAN_F = { PRIVATE: 1, VEPA: 2 } as const;

/** An ipvlan's mode, and IPVLAN_F bits. All ipvlans of one link have the same. */
export const IPVLAN_FIELDS = { mode: [IFLA_IPVLAN.MODE, u16], flags: [IFLA_IPVLAN.FLAGS, u16] } as const;

/** Settings of a link in a VLAN. <linux/if_link.h> */
const IFLA_VLAN = { ID: 1, PROTOCOL: 5 } as const;

/** The VLAN of a link, 0 to 4094, and the EtherType of its tag. */
export const VLAN_FIELDS = { id: [IFLA_VLAN.ID, u16], protocol: [IFLA_VLAN.PROTOCOL, u16be] } as const;

/** Settings of a VRF. <linux/if_link.h> */
const IFLA_VRF = { TABLE: 1 } as const;

/** The routing table of a VRF's links, RT_TABLE. */
export const VRF_FIELDS = { table: [IFLA_VRF.TABLE, u32] } as const;

/** The kinds of links that stand on another link, their parent, or on none, with their settings. */
const KINDS = {
  macvlan: MACVLAN_FIELDS,
  ipvlan: IPVLAN_FIELDS,
  vlan: VLAN_FIELDS,
  dummy: {},
  vrf: VRF_FIELDS,
} as const;

export type ChildKind = keyof typeof KINDS;
export type ChildSettings<K extends ChildKind = ChildKind> = Values<(typeof KINDS)[K]>;

/** A new link on `parent`, an index in the socket's namespace. It is made in the namespace of the descriptor `netns`, or in the socket's. */
export interface NewChild<K extends ChildKind> {
  readonly kind: K;
  readonly name: string;
  readonly settings: ChildSettings<K>;
  readonly parent?: number | undefined;
  readonly netns?: number | undefined;
  readonly mac?: Mac | undefined;
  readonly mtu?: number | undefined;
  readonly group?: number | undefined;
}

/**
 * Adds a link on its parent, like `ip link add NAME link PARENT netns NETNS type macvlan mode bridge`. It is down. Without an MTU it has
 * its parent's. Before about Linux 6.15, the name must be free in the socket's namespace, too. @throws NetlinkError EEXIST if it is not
 */
export function addChild<K extends ChildKind>(netlink: Rtnetlink, child: NewChild<K>): void {
  const { kind, name, settings, parent, netns, mac, mtu, group } = child;
  const data = encodeFields<(typeof KINDS)[K]>(KINDS[kind], settings);
  const info = data.length === 0 ? { kind } : { kind, data };
  const payload = encodeLink({ header: {}, attributes: { name, mtu, mac, group, link: parent, netnsFd: netns, info } });
  const flags = NLM_F.CREATE | NLM_F.EXCL | NLM_F.ACK;
  netlink.request({ type: RTM.NEWLINK, flags, payload, action: `add ${kind} "${name}"` });
}

/** A link, and what it stands on. */
export interface Child<K extends ChildKind> {
  readonly link: Link;
  /** The index of the parent, in the parent's namespace. Undefined without one. */
  readonly parent: number | undefined;
  /**
   * The number that this namespace has for that of the parent. Undefined if the parent is in this namespace. Linux 5.4 has it for no
   * ipvlan: see `placeOfParent`.
   */
  readonly parentNetns: number | undefined;
  /** Empty for a link of another kind. */
  readonly settings: ChildSettings<K>;
}

/** The link with a name or an index, and its settings if it is of the kind. Undefined if there is none. @throws NetlinkError */
export function findChild<K extends ChildKind>(
  netlink: Rtnetlink,
  kind: K,
  which: string | number,
): Child<K> | undefined {
  const payload = askForLink(netlink, which);
  return payload && readChild(kind, payload);
}

/** Reads a link, what it stands on, and its settings if it is of the kind. @throws RangeError on malformed input */
export function readChild<K extends ChildKind>(kind: K, payload: Uint8Array): Child<K> {
  const message = decodeLink(payload);
  const { linkNetnsId: parentNetns, info } = message.attributes;
  const data = info?.kind === kind ? info.data : undefined;
  const settings = decoderOf<(typeof KINDS)[K]>(KINDS[kind])(data ?? new Uint8Array());
  return { link: readLink(payload), parent: relatedIndex(message), parentNetns, settings };
}

/**
 * Whether the parent of a child is in the socket's namespace, as the child is. "unknown" of an ipvlan on kernels that do not report it, where
 * this namespace has another link with the parent's index.
 */
export function placeOfParent<K extends ChildKind>(
  netlink: Rtnetlink,
  { link, parent, parentNetns }: Child<K>,
): "here" | "elsewhere" | "unknown" {
  if (parentNetns !== undefined) return "elsewhere";
  if (link.kind !== "ipvlan" || parent === undefined) return "here";
  return parent === link.index || findLink(netlink, parent) === undefined ? "elsewhere" : "unknown";
}

/** The links of a kind in the socket's namespace, with what they stand on. The kernel sends only these. @throws NetlinkError */
export function listChildren<K extends ChildKind>(netlink: Rtnetlink, kind: K): readonly Child<K>[] {
  const payload = encodeLink({ header: {}, attributes: { info: { kind } } });
  const action = `list the links of kind "${kind}"`;
  const messages = netlink.request({ type: RTM.GETLINK, flags: NLM_F.DUMP, payload, action });
  return messages.map((message) => readChild(kind, message.payload)).filter(({ link }) => link.kind === kind);
}
