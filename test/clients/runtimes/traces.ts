import type { Sandbox } from "./sandbox.ts";

export interface Traces {
  /** Links but the node's own and bridges. */
  readonly links: readonly string[];
  /** Rules, and elements of sets and maps, that have an address of the network's, be it of nf_tables or of iptables-legacy. */
  readonly rules: readonly string[];
  readonly leases: readonly string[];
  /** Files of the result cache. */
  readonly results: readonly string[];
  /** Network namespaces that are mounted. */
  readonly namespaces: readonly string[];
}

export const nothing: Traces = { links: [], rules: [], leases: [], results: [], namespaces: [] };

/** What there is of a network's containers on a node, apart from a bridge without ports and from rules that speak of nobody. */
export function traces(node: Sandbox, { network, addresses }: { network: string; addresses: RegExp }): Traces {
  const rules = ["nft list ruleset", "iptables-legacy-save", "ip6tables-legacy-save"].map((command) =>
    node.run(command.split(" ")),
  );
  return {
    links: linksOf(node),
    rules: rules
      .flatMap((text) => text.split("\n"))
      .filter((line) => addresses.test(line))
      .map((line) => line.trim()),
    leases: node.files(`/var/lib/cni/networks/${network}`).filter((name) => /^[0-9a-f]+[.:]/.test(name)),
    results: node.files("/var/lib/cni/results"),
    namespaces: mountedNamespaces(node),
  };
}

function linksOf(node: Sandbox): string[] {
  const links: unknown = JSON.parse(node.run(["ip", "-details", "-json", "link", "show"]));
  return (Array.isArray(links) ? links : []).flatMap(({ ifname, linkinfo }) =>
    linkinfo?.info_kind === "bridge" || ["lo", "uplink"].includes(ifname) ? [] : [String(ifname)],
  );
}

function mountedNamespaces(node: Sandbox): string[] {
  const mounts = node.run(["cat", "/proc/mounts"]).split("\n");
  const places = mounts.flatMap((line) => /^nsfs (\S+)/.exec(line)?.[1] ?? []);
  return places.filter((place) => place !== "/run/netns/outside");
}
