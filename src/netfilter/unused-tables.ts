import type { Nfnetlink } from "../netlink/socket.ts";
import { applyCurrent } from "./nftables/current.ts";
import { deleteTable, listTables } from "./nftables/table.ts";
import { describeTable, listComments, TABLES } from "./owner-list.ts";

/**
 * Deletes this project's tables in which no attachment has an element, and returns them as nft names them: "inet cni_masquerade". It is one
 * transaction on exactly the rule set that was looked at, so a table in which an ADD puts something at the same moment stays.
 * @throws NetlinkError, or LinuxError EAGAIN if others have changed the rule set for 60 seconds
 */
export function deleteUnusedTables(netlink: Nfnetlink): readonly string[] {
  let unused: readonly (typeof TABLES)[number][] = [];
  applyCurrent(netlink, { action: "delete unused nftables tables" }, () => {
    const there = listTables(netlink);
    const own = TABLES.filter((each) =>
      there.some(({ family, name }) => family === each.family && name === each.table),
    );
    unused = own.filter((each) => listComments(netlink, each).length === 0);
    return unused.map(({ family, table }) => deleteTable({ family, name: table }));
  });
  return unused.map(describeTable);
}
