import type { LeaseEntry } from "../../../plugins/host-local/lease-report.ts";
import { formatAge, formatTime, shortenId } from "../table.ts";
import { namespaceOf } from "./attachment-view.ts";
import { type KnownAttachment, sourcesOf } from "./attachments.ts";
import type { Inventory } from "./inventory.ts";

/**
 * in use: its namespace exists, or is not known and another source than the lease knows the attachment. reclaimable: host-local's ADD
 * may take it, because certainly nobody uses it. orphan: no living attachment is known to have it, which is no proof. resting: it was
 * released and is not given out yet.
 */
export type LeaseState = "in use" | "reclaimable" | "orphan" | "resting";

/** What people and machines are shown of a leased or resting address. */
export interface LeaseView {
  readonly network: string;
  /** The network's folder of leases. */
  readonly folder: string;
  readonly address: string;
  readonly state: LeaseState;
  /** Undefined for a resting address. */
  readonly lease: LeaseEntry | undefined;
  /** In ms: when it was leased, or released. */
  readonly since: number;
  readonly attachment: KnownAttachment | undefined;
}

/** The leased and resting addresses of an inventory, each network's in the order of the addresses' names. */
export function viewLeases(
  { folders, attachments }: Pick<Inventory, "folders" | "attachments">,
  isLiving: (netns: string) => boolean,
): readonly LeaseView[] {
  const holders = holdersOf(attachments);
  return folders.flatMap(({ network, folder, leases, resting }) => [
    ...leases.map((lease): LeaseView => {
      const attachment = holders.get(lease);
      const state = stateOf(lease, attachment, isLiving);
      return { network, folder, address: lease.address, state, lease, since: lease.since, attachment };
    }),
    ...Array.from(resting, ([address, since]): LeaseView => {
      return { network, folder, address, state: "resting", lease: undefined, since, attachment: undefined };
    }),
  ]);
}

/** How many leases of a network are in each state. */
export type StateCounts = Readonly<Record<LeaseState, number>>;

/** The number of leases in each state, for each network in order. */
export function countStates(views: readonly LeaseView[]): ReadonlyMap<string, StateCounts> {
  const counts = new Counts();
  for (const { network, state } of views) counts.add(network, state);
  return counts.byNetwork;
}

/** The number of leases of an inventory in each state, by network. It makes no views: there may be tens of thousands. */
export function countLeases(
  { folders, attachments }: Pick<Inventory, "folders" | "attachments">,
  isLiving: (netns: string) => boolean,
): ReadonlyMap<string, StateCounts> {
  const holders = holdersOf(attachments);
  const counts = new Counts();
  for (const { network, leases, resting } of folders) {
    for (const lease of leases) counts.add(network, stateOf(lease, holders.get(lease), isLiving));
    for (const _ of resting) counts.add(network, "resting");
  }
  return counts.byNetwork;
}

class Counts {
  readonly byNetwork = new Map<string, Record<LeaseState, number>>();

  add(network: string, state: LeaseState): void {
    const known = this.byNetwork.get(network);
    const counts = known ?? { "in use": 0, reclaimable: 0, orphan: 0, resting: 0 };
    if (known === undefined) this.byNetwork.set(network, counts);
    counts[state] += 1;
  }
}

function holdersOf(attachments: readonly KnownAttachment[]): ReadonlyMap<LeaseEntry, KnownAttachment> {
  const holders = new Map<LeaseEntry, KnownAttachment>();
  for (const each of attachments) for (const lease of each.leases) holders.set(lease, each);
  return holders;
}

export const LEASE_HEADINGS = ["ADDRESS", "NETWORK", "CONTAINER", "INTERFACE", "AGE", "BOOT", "STATE", "REASON"];

/** A line of the table with LEASE_HEADINGS. */
export function leaseRow({ address, network, lease, since, state }: LeaseView, now: number): readonly string[] {
  const { containerId = "", ifname = "", boot = "", reclaimable = "" } = lease ?? {};
  return [address, network, shortenId(containerId), ifname, formatAge(since, now), boot, state, reclaimable];
}

/** The view with times as ISO 8601, and without what is unknown. */
export function leaseJson({ network, folder, address, state, lease, since }: LeaseView) {
  return {
    address,
    network,
    ...(lease !== undefined && { containerId: lease.containerId, ifname: lease.ifname }),
    [lease === undefined ? "released" : "since"]: formatTime(since),
    ...(lease !== undefined && { boot: lease.boot, netns: lease.netns }),
    state,
    ...(lease?.reclaimable !== undefined && { reason: lease.reclaimable }),
    ...(lease !== undefined && { by: lease.isRecorded ? "ours" : "go" }),
    folder,
  };
}

function stateOf(
  lease: LeaseEntry,
  attachment: KnownAttachment | undefined,
  isLiving: (netns: string) => boolean,
): LeaseState {
  if (lease.reclaimable !== undefined) return "reclaimable";
  if (attachment === undefined) return "orphan";
  const namespace = namespaceOf(attachment, isLiving);
  if (namespace === "alive") return "in use";
  return namespace === "gone" || sourcesOf(attachment).length === 1 ? "orphan" : "in use";
}
