import { CniError } from "../cni/error.ts";
import type { Request } from "../cni/request.ts";
import { holdAside } from "../linux/aside.ts";
import { deleteJumps } from "../netfilter/iptables/delete-jumps.ts";
import type { JumpSelection } from "../netfilter/iptables/jump.ts";
import { hasLegacyTable } from "../netfilter/iptables/legacy-table.ts";
import { placeFor } from "../netfilter/iptables/tool.ts";
import { listTables, type TableKey } from "../netfilter/nftables/table.ts";
import type { Selection } from "../netfilter/owner.ts";
import { awaitRestores } from "../netfilter/rule-locks.ts";
import { IPTABLES_NAT } from "../netfilter/tables.ts";
import type { Nfnetlink } from "../netlink/socket.ts";
import { LinuxError } from "../platform/errno.ts";
import type { Host } from "./host.ts";
import { NO_NFTABLES, withIptables } from "./netfilter.ts";
import { runAll } from "./undo.ts";

/** Where DEL and GC look for what attachments have left. */
export interface Remains {
  /** A socket of NETLINK_NETFILTER where nf_tables had the table when this was opened; undefined where nothing can be left in it. */
  readonly within: (table: TableKey) => Nfnetlink | undefined;
  /** The socket itself, whatever there is. */
  readonly socket: Nfnetlink | undefined;
  /**
   * For whoever has deleted something by it, and is about to end: whichever process closes the socket waits until the kernel is
   * done with all that anybody has deleted, some 10 ms, and keeps others from changing rules meanwhile.
   */
  readonly leave: () => void;
  /** Starts commands of iptables. */
  readonly launch: Host["launch"];
}

/** How long in ms a kernel takes to be done with what is deleted, and some more. */
const HELD_MS = 40;

/** Asks for the names of all tables at once, so that nobody asks for what is in one that is not there. @throws NetlinkError EPERM without CAP_NET_ADMIN */
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
 * For DEL and GC, before they look: a call that was killed may have left a command of iptables that still waits for its turn to add
 * rules of the attachments selected. @throws CniError tryAgainLater
 */
export function awaitCommands({ environment }: Pick<Request, "environment">, { key, label }: Selection): void {
  if (awaitRestores(key, environment)) return;
  const reason = "a command of iptables that an earlier call began has not ended";
  throw new CniError("tryAgainLater", `Cannot delete iptables rules of ${label}: ${reason}`);
}

/** Deletes the selected jumps of table nat, of both families and both variants of iptables, with the chains that nothing else goes to. @throws CniError, NetlinkError */
export function endJumps(
  { environment }: Pick<Request, "environment">,
  { within, launch }: Remains,
  select: () => JumpSelection,
): void {
  runAll(
    ([4, 6] as const).map((family) => () => {
      const netlink = within(IPTABLES_NAT[family]);
      if (netlink === undefined && !hasLegacyTable(family, "nat")) return;
      const jumps = select();
      withIptables(`delete iptables rules of ${jumps.label}`, () => {
        deleteJumps({ netlink, place: placeFor({ environment, launch }) }, family, jumps);
      });
    }),
  );
}
