import { i32, mac, raw, text, u8, u16, u32 } from "../codec.ts";
import type { Values } from "../fields.ts";
import { nest } from "../fields.ts";
import { struct } from "../struct.ts";

/** Attributes of a link. <linux/if_link.h> */
export const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  PROTINFO: 12,
  TXQLEN: 13,
  OPERSTATE: 16,
  LINKINFO: 18,
  IFALIAS: 20,
  AF_SPEC: 26,
  GROUP: 27,
  NET_NS_FD: 28,
  EXT_MASK: 29,
  PROMISCUITY: 30,
  LINK_NETNSID: 37,
  PROP_LIST: 52,
  ALT_IFNAME: 53,
} as const;

/** The data of a link's kind: its name and settings, and those of its port in a master. <linux/if_link.h> */
const IFLA_INFO = { KIND: 1, DATA: 2, SLAVE_KIND: 4, SLAVE_DATA: 5 } as const;

/** Settings of a bridge. <linux/if_link.h> */
const IFLA_BR = {
  FORWARD_DELAY: 1,
  STP_STATE: 5,
  VLAN_FILTERING: 7,
  VLAN_DEFAULT_PVID: 39,
  MULTI_BOOLOPT: 46,
} as const;

/** Boolean settings of a bridge, by bit number. enum br_boolopt_id <linux/if_bridge.h> */
export const BR_BOOLOPT = { NO_LL_LEARN: 0 } as const;

/** sizeof(struct br_boolopt_multi): u32 values, u32 mask. <linux/if_bridge.h> */
const BOOLOPT_SIZE = 8;

/** Settings of a port in a bridge. <linux/if_link.h> */
const IFLA_BRPORT = { STATE: 1, MODE: 4, GROUP_FWD_MASK: 31, ISOLATED: 33 } as const;

/** Whether a bridge's port forwards packets. <linux/if_bridge.h> */
export const BR_STATE = { DISABLED: 0, LISTENING: 1, LEARNING: 2, FORWARDING: 3, BLOCKING: 4 } as const;

/** Settings of a veth: the other end. <linux/veth.h> */
export const VETH_INFO = { PEER: 1 } as const;

/** Data that the kernel should leave out. <linux/rtnetlink.h> */
export const RTEXT_FILTER = { SKIP_STATS: 8 } as const;

/** Whether a link carries traffic, RFC 2863. <linux/if.h> */
export const IF_OPER = { UNKNOWN: 0, UP: 6 } as const;

/** struct br_boolopt_multi: the values of BR_BOOLOPT bits, and in `mask` the bits that it sets. <linux/if_bridge.h> */
const bits = struct("struct br_boolopt_multi", BOOLOPT_SIZE, { values: [0, u32], mask: [4, u32] });

/**
 * A bridge's settings. For switches, 0 is off and 1 is on. Also the VLAN of untagged packets, and the forward delay in hundredths of a
 * second: a port listens for that long, and then learns for that long.
 */
export const BRIDGE_FIELDS = {
  forwardDelay: [IFLA_BR.FORWARD_DELAY, u32],
  spanningTree: [IFLA_BR.STP_STATE, u32],
  vlanFiltering: [IFLA_BR.VLAN_FILTERING, u8],
  defaultVlan: [IFLA_BR.VLAN_DEFAULT_PVID, u16],
  bits: [IFLA_BR.MULTI_BOOLOPT, bits],
} as const;

/**
 * A bridge port's settings: 0 is off, 1 is on; `state` is BR_STATE. `groups` has one bit for each of the link-local groups
 * 01:80:c2:00:00:00 to 0f whose frames the port forwards like any other.
 */
export const PORT_FIELDS = {
  state: [IFLA_BRPORT.STATE, u8],
  hairpin: [IFLA_BRPORT.MODE, u8],
  isolated: [IFLA_BRPORT.ISOLATED, u8],
  groups: [IFLA_BRPORT.GROUP_FWD_MASK, u16],
} as const;

/** The data of a link's kind. `data` and `portData` are attributes of that kind, BRIDGE_FIELDS and PORT_FIELDS for a bridge. */
const INFO_FIELDS = {
  kind: [IFLA_INFO.KIND, text],
  data: [IFLA_INFO.DATA, raw],
  portKind: [IFLA_INFO.SLAVE_KIND, text],
  portData: [IFLA_INFO.SLAVE_DATA, raw],
} as const;

/** The attributes of a link that we use. */
export const LINK_FIELDS = {
  name: [IFLA.IFNAME, text],
  otherName: [IFLA.ALT_IFNAME, text],
  mac: [IFLA.ADDRESS, mac],
  mtu: [IFLA.MTU, u32],
  link: [IFLA.LINK, u32],
  master: [IFLA.MASTER, u32],
  port: [IFLA.PROTINFO, nest(PORT_FIELDS)],
  transmitQueueLength: [IFLA.TXQLEN, u32],
  operationalState: [IFLA.OPERSTATE, u8],
  info: [IFLA.LINKINFO, nest(INFO_FIELDS, false)],
  alias: [IFLA.IFALIAS, text],
  group: [IFLA.GROUP, u32],
  netnsFd: [IFLA.NET_NS_FD, u32],
  extensions: [IFLA.EXT_MASK, u32],
  promiscuity: [IFLA.PROMISCUITY, u32],
  linkNetnsId: [IFLA.LINK_NETNSID, i32],
} as const;

export type LinkAttributes = Values<typeof LINK_FIELDS>;
export type BridgeSettings = Values<typeof BRIDGE_FIELDS>;
export type PortSettings = Values<typeof PORT_FIELDS>;
