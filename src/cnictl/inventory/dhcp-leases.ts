import {
  DHCP_LEASES_DIRECTORY,
  type DhcpLease,
  readDhcpFolder,
  reportDhcpLeases,
} from "../../../plugins/dhcp/lease-report.ts";
import { ipamTypeOf, type Network } from "../../runtime/network.ts";
import { logging } from "../../steps/logging.ts";
import { formatAge, formatTime, shortenId } from "../table.ts";
import type { Inventory } from "./inventory.ts";

/** in use: a container has it. over: nobody has renewed it, or it is of an earlier boot. orphan: its namespace is gone, and nobody has called DEL. */
export const DHCP_STATES = ["in use", "over", "orphan"] as const;
type DhcpState = (typeof DHCP_STATES)[number];

/** What people and machines are shown of a DHCP lease. */
export interface DhcpLeaseView extends DhcpLease {
  readonly state: DhcpState;
}

/** The DHCP leases of all networks, or of one, and what could not be read of them. */
export function viewDhcpLeases(
  { networks, cache }: Pick<Inventory, "networks" | "cache">,
  { network, isLiving }: { network?: string | undefined; isLiving: (netns: string) => boolean },
): { views: readonly DhcpLeaseView[]; problems: readonly string[] } {
  const problems: string[] = [];
  const all = [...networks.map((each) => each.network), ...cache.remembered];
  const folders = new Set([DHCP_LEASES_DIRECTORY, ...all.flatMap(foldersOf)]);
  const log = (line: string) => problems.push(line);
  const leases = [...folders].flatMap((folder) => {
    const what = `Cannot read the leases in ${folder}`;
    return logging([Error], { log, what }, () => reportDhcpLeases(folder, log)) ?? [];
  });
  const own = leases.filter((lease) => network === undefined || lease.network === network);
  return { views: own.map((lease) => ({ ...lease, state: stateOf(lease, isLiving) })), problems };
}

export const DHCP_HEADINGS = ["DHCP-ADDRESS", "NETWORK", "CONTAINER", "INTERFACE", "LEFT", "SERVER", "STATE"];

/** A line of the table with DHCP_HEADINGS. A lease without an end has no time that is left. */
export function dhcpRow(view: DhcpLeaseView, now: number): readonly string[] {
  const { address, network, containerId, ifname, until, server, state } = view;
  const left = until === undefined ? "" : formatAge(now, until);
  return [address, network, shortenId(containerId), ifname, left, server, state];
}

/** The view with its end as ISO 8601. */
export function dhcpJson({ until, ...view }: DhcpLeaseView) {
  return { ...view, ...(until !== undefined && { until: formatTime(until) }) };
}

function foldersOf({ plugins }: Network): readonly string[] {
  return plugins.filter((plugin) => ipamTypeOf(plugin) === "dhcp").map(({ json }) => readDhcpFolder(json));
}

function stateOf({ boot, until, netns }: DhcpLease, isLiving: (netns: string) => boolean): DhcpState {
  if (boot === "earlier" || (until !== undefined && until <= Date.now())) return "over";
  return isLiving(netns) ? "in use" : "orphan";
}
