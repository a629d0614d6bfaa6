import { NFPROTO } from "../../src/netlink/nfnetlink.ts";

/** This table belongs to the plugin. Its chain ADMIN belongs to the operator. */
export const TABLE = { family: NFPROTO.INET, table: "cni_firewall" } as const;

/** Frames between a bridge's ports pass here. Without br_netfilter they pass no other table. */
export const BRIDGE_TABLE = { family: NFPROTO.BRIDGE, table: "cni_firewall" } as const;
