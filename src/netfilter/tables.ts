import { NFPROTO } from "../netlink/nfnetlink.ts";

/** The tables of these plugins alone. The reference plugins flush their own tables at every ADD. */
export const OWN_TABLES = {
  masquerade: { family: NFPROTO.INET, table: "cni_masquerade" },
  ports: { family: NFPROTO.INET, table: "cni_portmap" },
  firewall: { family: NFPROTO.INET, table: "cni_firewall" },
  /** Frames between ports of a bridge pass only this one, unless br_netfilter is loaded. */
  bridgeFirewall: { family: NFPROTO.BRIDGE, table: "cni_firewall" },
  spoofCheck: { family: NFPROTO.BRIDGE, table: "cni_spoofcheck" },
} as const;

/** The tables of the reference plugins' nftables backends. */
export const REFERENCE_TABLES = {
  masquerade: { family: NFPROTO.INET, table: "cni_plugins_masquerade" },
  spoofCheck: { family: NFPROTO.BRIDGE, table: "nat" },
} as const;

/** The tables in nf_tables of `iptables-nft -t nat` and `ip6tables-nft -t nat`. */
export const IPTABLES_NAT = {
  4: { family: NFPROTO.IPV4, table: "nat" },
  6: { family: NFPROTO.IPV6, table: "nat" },
} as const;

/** The tables in nf_tables of `iptables-nft -t filter` and `ip6tables-nft -t filter`. */
export const IPTABLES_FILTER = {
  4: { family: NFPROTO.IPV4, table: "filter" },
  6: { family: NFPROTO.IPV6, table: "filter" },
} as const;
