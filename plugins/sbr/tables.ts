import { ignoring } from "../../src/linux/ignoring.ts";
import { listTables } from "../../src/netlink/route/whole.ts";
import type { PolicyRule } from "../../src/netlink/rule/message.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
import { NO_RULES } from "./rules.ts";

/** The first table that is chosen. */
const FIRST = 100;

/**
 * The tables of both families from 100 on that none of `rules` names and that have no routes. `rules` are all of both families. Call it
 * under the lock on tables.
 */
export function chooseTables(
  netlink: Rtnetlink,
  { rules, count }: { rules: readonly PolicyRule[]; count: number },
): readonly number[] {
  const used = new Set([
    ...rules.map(({ table }) => table),
    ...([4, 6] as const).flatMap((family) => [...(ignoring(NO_RULES, () => listTables(netlink, family)) ?? [])]),
  ]);
  const free: number[] = [];
  for (let table = FIRST; free.length < count; table++) if (!used.has(table)) free.push(table);
  return free;
}
