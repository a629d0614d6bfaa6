import { NFPROTO } from "../../src/netlink/nfnetlink.ts";

/** The table is ours alone; the chain ADMIN in it is the operator's. */
export const TABLE = { family: NFPROTO.INET, table: "cni_firewall" } as const;

/** Frames between the ports of a bridge pass here and, without br_netfilter, nowhere else. */
export const BRIDGE_TABLE = { family: NFPROTO.BRIDGE, table: "cni_firewall" } as const;
