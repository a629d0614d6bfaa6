import type { Family } from "../../ip/address.ts";
import type { Iptables } from "./delete-jumps.ts";
import type { Jump } from "./jump.ts";
import { findInLegacy } from "./legacy-table.ts";
import { listNftJumps } from "./nft-table.ts";
import { parseJump } from "./text.ts";
import { listTable } from "./tool.ts";

/**
 * The jumps with a comment in a chain of table nat, of both variants of iptables. A command is started only if iptables-legacy's table
 * contains the text. @throws NetlinkError, LinuxError, IptablesError
 */
export function listJumps(
  { netlink, invocation }: Iptables,
  family: Family,
  { from, text }: { from: string; text: string },
): readonly Jump[] {
  const isThere = findInLegacy(family, "nat", [text]).length > 0;
  const listing = isThere ? listTable(family, invocation, { chain: from, variant: "legacy" }) : "";
  return [
    ...(netlink === undefined ? [] : listNftJumps(netlink, family, from)),
    ...listing.split("\n").flatMap((line) => parseJump(line, from) ?? []),
  ];
}
