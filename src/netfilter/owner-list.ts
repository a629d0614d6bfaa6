import { NFPROTO } from "../netlink/nfnetlink.ts";
import type { Nfnetlink } from "../netlink/socket.ts";
import { listElements } from "./nftables/element.ts";
import { listRulesIfThere } from "./nftables/rule.ts";
import { listSets } from "./nftables/set.ts";
import { findComment } from "./nftables/userdata.ts";
import { isOwnerComment } from "./owner.ts";
import { OWN_TABLES, REFERENCE_TABLES } from "./tables.ts";

/** The tables in which this project's plugins have elements with owners. */
export const TABLES = Object.values(OWN_TABLES);

/** A table in which an owner has elements, or rules of the reference plugins. */
export interface OwnedPlace {
  readonly comment: string;
  /** The table as nft names it: "inet cni_masquerade". */
  readonly table: string;
  /** The number of the owner's elements or rules in the table. */
  readonly count: number;
  /** Whether these are rules of the reference plugins. */
  readonly isReference: boolean;
}

/** The owners of elements in this project's tables and of masquerade rules of the reference plugins. @throws NetlinkError */
export function listOwnedPlaces(netlink: Nfnetlink): readonly OwnedPlace[] {
  const own = TABLES.flatMap((place) => count(listComments(netlink, place), { ...place, isReference: false }));
  const rules = listRulesIfThere(netlink, REFERENCE_CHAIN);
  const comments = rules.flatMap(({ userdata }) => findComment("rule", userdata) ?? []).filter(isOwnerComment);
  return [...own, ...count(comments, { ...REFERENCE_CHAIN, isReference: true })];
}

/** The chain of the reference plugins that has a rule for each container address. */
const REFERENCE_CHAIN = { ...REFERENCE_TABLES.masquerade, name: "masq_checks" } as const;

function count(
  comments: readonly string[],
  { family, table, isReference }: TableName & { isReference: boolean },
): readonly OwnedPlace[] {
  const counts = new Map<string, number>();
  for (const comment of comments) counts.set(comment, (counts.get(comment) ?? 0) + 1);
  const name = describeTable({ family, table });
  return Array.from(counts, ([comment, number]) => ({ comment, table: name, count: number, isReference }));
}

/** The comments of all elements in these tables, without duplicates, for parseOwnerComment. @throws NetlinkError */
export function listOwnerComments(netlink: Nfnetlink): readonly string[] {
  return [...new Set(TABLES.flatMap((table) => listComments(netlink, table)))];
}

interface TableName {
  readonly family: keyof typeof FAMILY_NAMES;
  readonly table: string;
}

/** A table as nft names it: "inet cni_masquerade". */
export function describeTable({ family, table }: TableName): string {
  return `${FAMILY_NAMES[family]} ${table}`;
}

const FAMILY_NAMES = { [NFPROTO.INET]: "inet", [NFPROTO.BRIDGE]: "bridge" } as const;

/** The comments of all elements in a table. @throws NetlinkError */
export function listComments(netlink: Nfnetlink, where: TableName): readonly string[] {
  return listSets(netlink, where)
    .flatMap(({ family, table, name }) => listElements(netlink, { family, table: table ?? "", name: name ?? "" }))
    .flatMap(({ userdata }) => findComment("element", userdata) ?? []);
}
