import { NFPROTO } from "../netlink/nfnetlink.ts";
import type { Nfnetlink } from "../netlink/socket.ts";
import { listElements } from "./nftables/element.ts";
import { listSets } from "./nftables/set.ts";
import { findComment } from "./nftables/userdata.ts";

/** The tables in which this project's plugins have elements with owners. */
const TABLES = [
  { family: NFPROTO.INET, table: "cni_masquerade" },
  { family: NFPROTO.INET, table: "cni_portmap" },
  { family: NFPROTO.INET, table: "cni_firewall" },
  { family: NFPROTO.BRIDGE, table: "cni_firewall" },
  { family: NFPROTO.BRIDGE, table: "cni_spoofcheck" },
] as const;

/** The comments of all elements in these tables, without duplicates, for parseOwnerComment. @throws NetlinkError */
export function listOwnerComments(netlink: Nfnetlink): readonly string[] {
  const comments = TABLES.flatMap((table) => listSets(netlink, table))
    .flatMap(({ family, table, name }) => listElements(netlink, { family, table: table ?? "", name: name ?? "" }))
    .flatMap(({ userdata }) => findComment("element", userdata) ?? []);
  return [...new Set(comments)];
}
