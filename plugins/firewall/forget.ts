import type { Request } from "../../src/cni/request.ts";
import { type Address, formatAddress, isSameAddress } from "../../src/ip/address.ts";
import { hasLegacyTable } from "../../src/netfilter/iptables/legacy-table.ts";
import { invocationFor } from "../../src/netfilter/iptables/tool.ts";
import type { CurrentAddresses } from "../../src/netfilter/outdated.ts";
import type { Selection } from "../../src/netfilter/owner.ts";
import { IPTABLES_FILTER } from "../../src/netfilter/tables.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { findFirewalld, removeSources } from "../../src/steps/firewalld.ts";
import type { Host } from "../../src/steps/host.ts";
import { withIptables } from "../../src/steps/netfilter.ts";
import { awaitCommands, openRemains, type Remains } from "../../src/steps/remains.ts";
import { runAll } from "../../src/steps/undo.ts";
import { deleteFilterRules, type FilterTable } from "./iptables.ts";
import { belongsToAnother, dismiss, dismissOutdated, listAdmitted, listOutdated } from "./table.ts";
import { BRIDGE_TABLE, TABLE } from "./tables.ts";

/** The attachments to remove from the firewalls: found by our table's elements, and by the addresses that a result reported. */
export interface Forgotten {
  readonly selection: Selection;
  /** The firewalld zone. */
  readonly zone: string;
  readonly reported?: () => readonly Address[];
  /** Attachments of which only what is for other addresses is removed. These addresses stay in the other firewalls. */
  readonly current?: CurrentAddresses;
}

/**
 * Removes the selected attachments from every firewall of the host, whichever plugin added them. Finds them by the addresses that our
 * table has for them, and by the `reported` ones unless these belong to another attachment by now. Runs every step, then throws all
 * errors. Our table is changed last, and only if the other steps succeeded: only it knows who owns an address.
 */
export function forget(request: Request, host: Host, forgotten: Forgotten): void {
  const { selection, zone, current = NONE } = forgotten;
  // Commands of a killed call may still add rules. If they do not end, nothing is deleted, and the next call finds everything.
  awaitCommands(request, selection);
  const remains = openRemains(host);
  const own = remains.within(TABLE);
  const tables = filterTables(remains);
  const firewalld = findFirewalld(request.environment, request.log);
  if (tables.length > 0 || firewalld !== undefined) {
    const addresses = addressesOf(request, forgotten, own);
    runAll([
      () => firewalld && removeSources(firewalld, zone, addresses),
      ...tables.map((table) => () => {
        const action = `delete iptables rules of ${selection.label}`;
        const netlink = remains.within(IPTABLES_FILTER[table.family]);
        const iptables = {
          netlink,
          invocation: invocationFor({ environment: request.environment, launch: host.launch }),
        };
        withIptables(action, () => deleteFilterRules(iptables, table, addresses));
      }),
    ]);
  }
  const noted = own ?? remains.within(BRIDGE_TABLE);
  if (noted === undefined) return;
  const hadStale = dismiss(noted, selection);
  const hadOutdated = current.owners.length > 0 && dismissOutdated(noted, request.network, current);
  if (hadStale || hadOutdated) remains.leave();
}

const NONE: CurrentAddresses = { owners: [], addresses: new Map() };

/** All filter tables of the host. */
function filterTables({ within }: Remains): readonly FilterTable[] {
  return ([4, 6] as const).flatMap((family) => [
    ...(within(IPTABLES_FILTER[family]) === undefined ? [] : [{ family, variant: "nft" as const }]),
    ...(hasLegacyTable(family, "filter") ? [{ family, variant: "legacy" as const }] : []),
  ]);
}

function addressesOf(
  { network }: Pick<Request, "network">,
  { selection, reported = () => [], current = NONE }: Forgotten,
  own: Nfnetlink | undefined,
): readonly Address[] {
  const outdated = own === undefined || current.owners.length === 0 ? [] : listOutdated(own, network, current);
  const isCurrent = (address: Address) =>
    [...current.addresses.values()].some((some) => some.some((each) => isSameAddress(each, address)));
  const noted = [...(own === undefined ? [] : listAdmitted(own, selection)), ...outdated].filter(
    (address) => !isCurrent(address),
  );
  const isOthers = (address: Address) => own !== undefined && belongsToAnother(own, address, selection);
  return unite(
    noted,
    reported().filter((address) => noted.some((each) => isSameAddress(each, address)) || !isOthers(address)),
  );
}

function unite(some: readonly Address[], more: readonly Address[]): readonly Address[] {
  return [...new Map([...some, ...more].map((address) => [formatAddress(address), address])).values()];
}
