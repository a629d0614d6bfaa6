import { OWN_TABLES } from "../../src/netfilter/tables.ts";

/** This table belongs to the plugin. Its chain ADMIN belongs to the operator. */
export const TABLE = OWN_TABLES.firewall;

/** Frames between a bridge's ports pass here. Without br_netfilter they pass no other table. */
export const BRIDGE_TABLE = OWN_TABLES.bridgeFirewall;
