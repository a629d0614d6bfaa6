import { CniError } from "../cni/error.ts";
import type { Request } from "../cni/request.ts";
import type { Family } from "../ip/address.ts";
import { holdAside } from "../linux/aside.ts";
import { deleteJumps } from "../netfilter/iptables/delete-jumps.ts";
import type { JumpSelection } from "../netfilter/iptables/jump.ts";
import { hasLegacyTable } from "../netfilter/iptables/legacy-table.ts";
import { invocationFor } from "../netfilter/iptables/tool.ts";
import { listTables, type TableKey } from "../netfilter/nftables/table.ts";
import type { Selection } from "../netfilter/owner.ts";
import { awaitRestores } from "../netfilter/rule-locks.ts";
import { IPTABLES_NAT } from "../netfilter/tables.ts";
import type { Nfnetlink } from "../netlink/socket.ts";
import { LinuxError } from "../platform/errno.ts";
import type { Host } from "./host.ts";
import { NO_NFTABLES, withIptables } from "./netfilter.ts";
import { runAll } from "./undo.ts";

/** Access to the state that attachments have left, for DEL and GC. */
export interface Remains {
  /**
   * The NETLINK_NETFILTER socket if nf_tables had the table when this was opened; otherwise undefined, because nothing can be
   * left in it.
   */
  readonly within: (table: TableKey) => Nfnetlink | undefined;
  /** The NETLINK_NETFILTER socket; undefined if the kernel has no nf_tables. */
  readonly socket: Nfnetlink | undefined;
  /**
   * Call it after deletions, before the process ends. Closing the socket waits until the kernel has finished all pending
   * deletions, about 10 ms, and blocks other rule changes for that time. A process in the background keeps the socket open instead.
   */
  readonly leave: () => void;
  /** Starts commands of iptables. */
  readonly launch: Host["launch"];
}

/** How long in ms a kernel needs to finish deletions, with some margin. */
const HELD_MS = 40;

/**
 * Lists all tables once, so that no caller has to ask about a table that does not exist. @throws NetlinkError EPERM without
 * CAP_NET_ADMIN
 */
export function openRemains(host: Host): Remains {
  const { launch } = host;
  try {
    const netlink = host.openNetfilter();
    const tables = new Set(listTables(netlink).map(({ family, name }) => `${family} ${name}`));
    return {
      within: ({ family, table }) => (tables.has(`${family} ${table}`) ? netlink : undefined),
      socket: netlink,
      leave: () => holdAside(netlink.fd, HELD_MS),
      launch,
    };
  } catch (error) {
    if (error instanceof LinuxError && NO_NFTABLES.includes(error.errno))
      return { within: () => undefined, socket: undefined, leave: () => {}, launch };
    throw error;
  }
}

/**
 * Waits, before DEL and GC look for rules, for iptables commands that a killed call left behind and that may still add rules of
 * the selected attachments. @throws CniError tryAgainLater
 */
export function awaitCommands({ environment }: Pick<Request, "environment">, { key, label }: Selection): void {
  if (awaitRestores(key, environment)) return;
  const reason = "a command of iptables that an earlier call began has not ended";
  throw new CniError("tryAgainLater", `Cannot delete iptables rules of ${label}: ${reason}`);
}

/**
 * Deletes the selected jumps of table nat, of both families and both iptables variants, and the chains that no other rule uses.
 * @throws CniError, NetlinkError
 */
export function endJumps(
  { environment }: Pick<Request, "environment">,
  { within, launch }: Remains,
  select: (family: Family) => JumpSelection,
): void {
  runAll(
    ([4, 6] as const).map((family) => () => {
      const netlink = within(IPTABLES_NAT[family]);
      if (netlink === undefined && !hasLegacyTable(family, "nat")) return;
      const jumps = select(family);
      withIptables(`delete iptables rules of ${jumps.label}`, () => {
        deleteJumps({ netlink, invocation: invocationFor({ environment, launch }) }, family, jumps);
      });
    }),
  );
}
