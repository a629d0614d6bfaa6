import { parsePrefix, prefixContains } from "../../ip/prefix.ts";
import type { AttachmentView } from "../inventory/attachment-view.ts";
import type { ListedNetwork } from "../inventory/networks.ts";

/** How many addresses two or more living attachments have. */
export function countSharedAddresses(views: readonly AttachmentView[]): number {
  const counts = new Map<string, number>();
  for (const { namespace, addresses } of views) {
    if (namespace !== "alive") continue;
    for (const prefix of addresses) {
      const address = prefix.replace(/\/\d+$/, "");
      counts.set(address, (counts.get(address) ?? 0) + 1);
    }
  }
  return [...counts.values()].filter((count) => count > 1).length;
}

/** How many pairs of networks have subnets of host-local that overlap. */
export function countOverlaps(networks: readonly ListedNetwork[]): number {
  const subnets = networks
    .filter(({ shadowedBy }) => shadowedBy === undefined)
    .map(({ pools }) => pools.flatMap((each) => each.pools?.sets ?? []).flatMap((set) => set.subnets));
  const pairs = subnets.flatMap((own, index) => subnets.slice(index + 1).filter((other) => overlap(own, other)));
  return pairs.length;
}

function overlap(some: readonly string[], others: readonly string[]): boolean {
  return some.some((one) => others.some((other) => contains(one, other) || contains(other, one)));
}

function contains(outer: string, inner: string): boolean {
  const [prefix, other] = [parsePrefix(outer), parsePrefix(inner)];
  return prefix !== undefined && other !== undefined && prefixContains(prefix, other.address);
}
