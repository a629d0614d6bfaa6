import type { Family } from "../ip/address.ts";
import { listTables } from "../netlink/route/whole.ts";
import { listRules } from "../netlink/rule/list.ts";
import type { PolicyRule } from "../netlink/rule/message.ts";
import type { Rtnetlink } from "../netlink/socket.ts";
import { ERRNO } from "../platform/errno.ts";
import { ignoring } from "../platform/outcome.ts";

/** Errors of a kernel without policy rules, or without a family. */
export const NO_RULES: readonly number[] = [ERRNO.EOPNOTSUPP, ERRNO.EAFNOSUPPORT];

/** The policy rules of a family; none if the kernel has no such rules. */
export function findRules(netlink: Rtnetlink, family: Family): readonly PolicyRule[] {
  return ignoring(NO_RULES, () => listRules(netlink, family)) ?? [];
}

/**
 * The lowest tables from `first` on that none of `rules` names, that have no routes of either family, and that are not in `taken`.
 * `rules` are all of both families. Call it under the lock on tables.
 */
export function chooseTables(
  netlink: Rtnetlink,
  wanted: { rules: readonly PolicyRule[]; first: number; count: number; taken?: readonly number[] },
): readonly number[] {
  const { rules, first, count, taken = [] } = wanted;
  const used = new Set([
    ...taken,
    ...rules.map(({ table }) => table),
    ...([4, 6] as const).flatMap((family) => [...(ignoring(NO_RULES, () => listTables(netlink, family)) ?? [])]),
  ]);
  const free: number[] = [];
  for (let table = first; free.length < count; table++) if (!used.has(table)) free.push(table);
  return free;
}
