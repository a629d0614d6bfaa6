import type { Family } from "../../ip/address.ts";
import { NFNL_SUBSYS, NFPROTO } from "../nfnetlink.ts";

/** Messages about tracked connections. enum cntl_msg_types <linux/netfilter/nfnetlink_conntrack.h> */
export const IPCTNL_MSG = { CT_NEW: 0, CT_GET: 1, CT_DELETE: 2 } as const;

/** The family in struct nfgenmsg, the header of every conntrack message. */
export const CONNECTION_FAMILY = { 4: NFPROTO.IPV4, 6: NFPROTO.IPV6 } as const satisfies Record<Family, number>;

/** The netlink message type of an IPCTNL_MSG. */
export function connectionType(kind: number): number {
  return (NFNL_SUBSYS.CTNETLINK << 8) | kind;
}
