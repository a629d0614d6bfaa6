import type { Family } from "../../ip/address.ts";
import { NFNL_SUBSYS, NFPROTO } from "../nfnetlink.ts";

/** Messages about tracked connections. enum cntl_msg_types <linux/netfilter/nfnetlink_conntrack.h> */
export const IPCTNL_MSG = { CT_NEW: 0, CT_GET: 1, CT_DELETE: 2 } as const;

/** What struct nfgenmsg, which every such message begins with, says of a family. */
export const CONNECTION_FAMILY = { 4: NFPROTO.IPV4, 6: NFPROTO.IPV6 } as const satisfies Record<Family, number>;

/** The type of a netlink message of one of IPCTNL_MSG. */
export function connectionType(kind: number): number {
  return (NFNL_SUBSYS.CTNETLINK << 8) | kind;
}
