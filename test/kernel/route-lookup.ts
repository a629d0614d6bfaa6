import type { Address } from "../../src/ip/address.ts";
import { prefixContains } from "../../src/ip/prefix.ts";
import { RT_TABLE } from "../../src/netlink/route/header.ts";
import type { FakeNamespace, FakeRoute } from "./namespace.ts";

/** In the order of the rules that every namespace begins with. */
export const TABLES: readonly number[] = [255, RT_TABLE.MAIN];

/** The route that a packet to an address takes: of the first table that has one, the longest prefix, then the lowest priority. */
export function findWayTo(
  namespace: FakeNamespace,
  address: Address,
  {
    tables = TABLES,
    isUsable = () => true,
  }: { tables?: readonly number[]; isUsable?: (route: FakeRoute) => boolean } = {},
): FakeRoute | undefined {
  for (const table of tables) {
    const [best] = namespace.routes
      .filter((route) => route.table === table && prefixContains(route.destination, address) && isUsable(route))
      .sort((a, b) => b.destination.length - a.destination.length || a.priority - b.priority);
    if (best !== undefined) return best;
  }
  return undefined;
}
