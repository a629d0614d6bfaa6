import { OWN_TABLES } from "../../src/netfilter/tables.ts";
import { NFPROTO } from "../../src/netlink/nfnetlink.ts";

/** This table is used by this plugin only. The reference plugin flushes chains of its own table at every ADD. */
export const TABLE = OWN_TABLES.ports;

/** The tables of the reference plugin's nftables backend. */
export const REFERENCE_TABLES = [
  { family: NFPROTO.IPV4, table: "cni_hostport" },
  { family: NFPROTO.IPV6, table: "cni_hostport" },
] as const;
