import type { Request } from "../../src/cni/request.ts";
import { type Address, formatAddress } from "../../src/ip/address.ts";
import type { Selection } from "../../src/netfilter/owner.ts";
import { openNetfilter, withIptables } from "../../src/steps/netfilter.ts";
import { runAll } from "../../src/steps/undo.ts";
import { findFirewalld, removeSources } from "./firewalld.ts";
import { ALL_TABLES, deleteFilterRules } from "./iptables.ts";
import { belongsToAnother, dismiss, listAdmitted } from "./table.ts";

/**
 * Has every firewall of the host forget the attachments selected, whichever of them were told, and by whom: by the addresses that our table notes
 * as theirs, and by `reported` ones unless those are noted as another's by now. Runs every step, then throws all that failed together; our
 * table forgets last, and not before the others have, for nothing else knows whose an address is.
 */
export function forget(
  request: Request,
  { selection, zone, reported = [] }: { selection: Selection; zone: string; reported?: readonly Address[] },
): void {
  const netfilter = openNetfilter(request);
  const { netlink } = netfilter;
  const addresses = unite(
    netlink === undefined ? [] : listAdmitted(netlink, selection),
    reported.filter((address) => netlink === undefined || !belongsToAnother(netlink, address, selection)),
  );
  runAll([
    () => {
      const firewalld = addresses.length === 0 ? undefined : findFirewalld(request.environment, request.log);
      if (firewalld !== undefined) removeSources(firewalld, zone, addresses);
    },
    ...ALL_TABLES.map((table) => () => {
      const action = `delete iptables rules of ${selection.label}`;
      withIptables(action, () => deleteFilterRules(netfilter, table, addresses));
    }),
  ]);
  if (netlink !== undefined) dismiss(netlink, selection);
}

function unite(some: readonly Address[], more: readonly Address[]): readonly Address[] {
  return [...new Map([...some, ...more].map((address) => [formatAddress(address), address])).values()];
}
