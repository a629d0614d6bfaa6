import { NFPROTO } from "../netlink/nfnetlink.ts";

/** Tables of ours alone: the reference plugins flush theirs at every ADD. */
export const OWN_TABLES = {
  masquerade: { family: NFPROTO.INET, table: "cni_masquerade" },
  spoofCheck: { family: NFPROTO.BRIDGE, table: "cni_spoofcheck" },
} as const;

/** Where the reference plugins' nftables backends keep the same. */
export const REFERENCE_TABLES = {
  masquerade: { family: NFPROTO.INET, table: "cni_plugins_masquerade" },
  spoofCheck: { family: NFPROTO.BRIDGE, table: "nat" },
} as const;

/** The tables that `iptables-nft -t nat` and `ip6tables-nft -t nat` keep in nf_tables. */
export const IPTABLES_NAT = {
  4: { family: NFPROTO.IPV4, table: "nat" },
  6: { family: NFPROTO.IPV6, table: "nat" },
} as const;

/** The same of table filter. */
export const IPTABLES_FILTER = {
  4: { family: NFPROTO.IPV4, table: "filter" },
  6: { family: NFPROTO.IPV6, table: "filter" },
} as const;
