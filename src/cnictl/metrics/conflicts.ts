import { type Prefix, parsePrefix, prefixesOverlap } from "../../ip/prefix.ts";
import { bareAddress } from "../inventory/bare-address.ts";
import type { ListedNetwork } from "../inventory/networks.ts";

/** How many addresses two or more attachments have. `attachments`: the addresses of each, with or without a prefix length. */
export function countSharedAddresses(attachments: readonly (readonly string[])[]): number {
  const counts = new Map<string, number>();
  for (const prefix of attachments.flat()) {
    const address = bareAddress(prefix);
    counts.set(address, (counts.get(address) ?? 0) + 1);
  }
  return [...counts.values()].filter((count) => count > 1).length;
}

/** How many pairs of networks have subnets of host-local that overlap. */
export function countOverlaps(networks: readonly ListedNetwork[]): number {
  const subnets = networks
    .filter(({ shadowedBy }) => shadowedBy === undefined)
    .map(({ pools }) =>
      pools
        .flatMap((each) => each.pools?.sets ?? [])
        .flatMap((set) => set.subnets.flatMap((subnet) => parsePrefix(subnet) ?? [])),
    );
  const pairs = subnets.flatMap((own, index) => subnets.slice(index + 1).filter((other) => overlap(own, other)));
  return pairs.length;
}

function overlap(some: readonly Prefix[], others: readonly Prefix[]): boolean {
  return some.some((one) => others.some((other) => prefixesOverlap(one, other)));
}
