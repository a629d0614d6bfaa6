import { ignoring } from "../../src/linux/ignoring.ts";
import { listTables } from "../../src/netlink/route/whole.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
import { findRules, NO_RULES } from "./rules.ts";

/** The first table that is chosen. */
const FIRST = 100;

/** The tables of both families from 100 on that no rule names and that have no routes. Call it under the lock on tables. */
export function chooseTables(netlink: Rtnetlink, count: number): readonly number[] {
  const families = [4, 6] as const;
  const used = new Set([
    ...families.flatMap((family) => findRules(netlink, family).map(({ table }) => table)),
    ...families.flatMap((family) => [...(ignoring(NO_RULES, () => listTables(netlink, family)) ?? [])]),
  ]);
  const free: number[] = [];
  for (let table = FIRST; free.length < count; table++) if (!used.has(table)) free.push(table);
  return free;
}
