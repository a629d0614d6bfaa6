import { addressesOf, namespaceOf } from "../inventory/attachment-view.ts";
import { type KnownAttachment, type Source, sourcesOf } from "../inventory/attachments.ts";
import { DHCP_STATES, type DhcpLeaseView } from "../inventory/dhcp-leases.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { countLeases } from "../inventory/lease-view.ts";
import { countLeased } from "../inventory/use.ts";
import { countOverlaps, countSharedAddresses } from "./conflicts.ts";
import type { Metric, Sample } from "./exposition.ts";

interface Observed {
  readonly inventory: Omit<Inventory, "cache" | "marks">;
  readonly dhcp: readonly DhcpLeaseView[];
  /** Whether a path leads to a network namespace. */
  readonly isLiving: (netns: string) => boolean;
}

/** The metrics of an inventory and of the leases of DHCP servers. */
export function collectMetrics({ inventory, dhcp, isLiving }: Observed): readonly Metric[] {
  const states = groupByState(inventory.attachments, isLiving);
  const pools = poolSamples(inventory);
  return [
    gauge(
      "cni_pool_size",
      "Addresses that containers can get from a range set of host-local.",
      pools.map(({ labels, size }) => ({ labels, value: size })),
    ),
    gauge(
      "cni_pool_leased",
      "Leased addresses of a range set of host-local.",
      pools.map(({ labels, used }) => ({ labels, value: used })),
    ),
    gauge(
      "cni_leases",
      "Addresses of host-local by state: in_use, reclaimable, orphan, resting.",
      leaseSamples(inventory, isLiving),
    ),
    gauge("cni_dhcp_leases", "Leases of DHCP servers by state: in_use, over, orphan.", dhcpSamples(dhcp)),
    gauge("cni_attachments", "Attachments by whether their network namespace exists.", attachmentSamples(states)),
    gauge(
      "cni_leftovers",
      "Parts of attachments whose network namespace is gone, by kind, and records without a lease.",
      leftoverSamples(inventory, states.gone),
    ),
    gauge(
      "cni_conflicts",
      "Addresses that results and leases give to several living attachments, pairs of networks with overlapping subnets, and files with the name of another network.",
      [
        { labels: { kind: "address" }, value: countSharedAddresses(states.alive.map(addressesOf)) },
        { labels: { kind: "subnet" }, value: countOverlaps(inventory.networks) },
        {
          labels: { kind: "name" },
          value: inventory.networks.filter(({ shadowedBy }) => shadowedBy !== undefined).length,
        },
      ],
    ),
    gauge("cni_network_files", "Files in the folder of network lists by state: ok, broken.", [
      { labels: { state: "ok" }, value: inventory.networks.length },
      { labels: { state: "broken" }, value: inventory.broken.length },
    ]),
    gauge("cni_inventory_problems", "Files and objects that could not be read.", [
      { labels: {}, value: inventory.problems.length },
    ]),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, help, samples };
}

/** The pools of each network with a list, also of those without a folder of leases yet. */
function poolSamples({ networks, folders }: Pick<Inventory, "networks" | "folders">) {
  return networks.flatMap(({ network, pools, shadowedBy }) => {
    if (shadowedBy !== undefined) return [];
    return pools.flatMap((each) => {
      const leased = folders.find(({ folder }) => folder === each.folder)?.leases.map(({ address }) => address) ?? [];
      return countLeased(leased, each.pools?.sets ?? []).map(({ pool, used }) => {
        const labels = { network: network.name, range_set: String(pool.index), subnets: pool.subnets.join(",") };
        return { labels, size: pool.size, used };
      });
    });
  });
}

function leaseSamples(inventory: Observed["inventory"], isLiving: (netns: string) => boolean): readonly Sample[] {
  return Array.from(countLeases(inventory, isLiving)).flatMap(([network, counts]) =>
    Object.entries(counts).map(([state, value]) => ({ labels: { network, state: state.replace(" ", "_") }, value })),
  );
}

function dhcpSamples(dhcp: readonly DhcpLeaseView[]): readonly Sample[] {
  return Object.entries(Object.groupBy(dhcp, ({ network }) => network)).flatMap(([network, leases = []]) =>
    DHCP_STATES.map((state) => {
      const value = leases.filter((lease) => lease.state === state).length;
      return { labels: { network, state: state.replace(" ", "_") }, value };
    }),
  );
}

const STATES = ["alive", "gone", "unknown"] as const;

/** Attachments by whether their network namespace exists. */
type ByState = Readonly<Record<(typeof STATES)[number], readonly KnownAttachment[]>>;

function groupByState(attachments: readonly KnownAttachment[], isLiving: (netns: string) => boolean): ByState {
  const { alive = [], gone = [], unknown = [] } = Object.groupBy(attachments, (each) => namespaceOf(each, isLiving));
  return { alive, gone, unknown };
}

function attachmentSamples(byState: ByState): readonly Sample[] {
  const counts = new Map<string, Record<(typeof STATES)[number], number>>();
  for (const state of STATES) {
    for (const { network } of byState[state]) {
      const own = counts.get(network) ?? { alive: 0, gone: 0, unknown: 0 };
      own[state] += 1;
      counts.set(network, own);
    }
  }
  return Array.from(counts).flatMap(([network, own]) =>
    STATES.map((state) => ({ labels: { network, namespace: state }, value: own[state] })),
  );
}

/** The kinds of what an attachment has, as labels. */
const KINDS: Readonly<Record<Source, string>> = {
  cache: "result",
  lease: "lease",
  link: "link",
  rules: "rules",
  ports: "ports",
};

function leftoverSamples({ folders }: Pick<Inventory, "folders">, gone: readonly KnownAttachment[]): readonly Sample[] {
  const sources = gone.flatMap(sourcesOf);
  const counts = Object.entries(KINDS).map(([source, kind]) => {
    return { labels: { kind }, value: sources.filter((each) => each === source).length };
  });
  const strays = folders.reduce((sum, { strayRecords }) => sum + strayRecords.length, 0);
  return [...counts, { labels: { kind: "record" }, value: strays }];
}
