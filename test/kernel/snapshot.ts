import { formatAddress } from "../../src/ip/address.ts";
import { formatPrefix } from "../../src/ip/prefix.ts";
import { formatExpressions } from "../../src/netfilter/nftables/format.ts";
import { findComment } from "../../src/netfilter/nftables/userdata.ts";
import { encodeFilter, readFilter } from "../../src/netlink/filter/message.ts";
import { IFF } from "../../src/netlink/link/header.ts";
import { encodeQdisc, readQdisc } from "../../src/netlink/qdisc/message.ts";
import { formatFakeAddress } from "./address-requests.ts";
import type { FakeLink } from "./link.ts";
import type { FakeNamespace, FakeRoute } from "./namespace.ts";
import { formatPolicy } from "./policy-requests.ts";
import type { FakeSet, FakeTable } from "./rules.ts";

/** Everything in one namespace, a line for each thing. */
export interface NamespacePicture {
  readonly links: readonly string[];
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
  readonly policy: readonly string[];
  readonly traffic: readonly string[];
  readonly sysctls: readonly string[];
  readonly rules: readonly string[];
  readonly connections: number;
}

/** Everything in all of them, by their names. */
export type Picture = Readonly<Record<string, NamespacePicture>>;

/** What a namespace holds. What is a set is sorted, what is a list (rules of a chain) is in its order. */
export function pictureOf(namespace: FakeNamespace): NamespacePicture {
  const nameOf = (index: number | undefined) => namespace.links.get(index ?? 0)?.name ?? `link ${index}`;
  return {
    links: [...namespace.links.values()].map((link) => formatLink(link, nameOf)),
    addresses: namespace.addresses.map((each) => `${nameOf(each.index)}: ${formatFakeAddress(each)}`).sort(),
    routes: namespace.routes.map((route) => formatRoute(route, nameOf)).sort(),
    policy: namespace.policy.map(formatPolicy).sort(),
    traffic: formatTraffic(namespace, nameOf),
    sysctls: namespace.sysctls.entries().map(([path, value]) => `${path} = ${value}`),
    rules: namespace.rules.tables.flatMap(formatTable),
    connections: namespace.connections.length,
  };
}

type NameOf = (index: number | undefined) => string;

function formatLink(link: FakeLink, nameOf: NameOf): string {
  const { index, name, kind, mac, mtu, flags, master, peer, parent, settings, alias, group, bridge, port, vlans } =
    link;
  const bits = Object.entries(IFF).filter(([, bit]) => (flags & bit) !== 0);
  const words = [
    `${index} ${name} ${kind} ${mac} mtu ${mtu}`,
    ...bits.map(([word]) => word.toLowerCase()),
    master === undefined ? "" : `master ${nameOf(master)}`,
    peer === undefined ? "" : `peer ${peer.index} in ${peer.namespace.name}`,
    parent === undefined ? "" : `on ${parent.index} in ${parent.namespace.name} ${formatNumbers(settings)}`,
    kind === "vrf" ? formatNumbers(settings) : "",
    alias === "" ? "" : `alias "${alias}"`,
    group === 0 ? "" : `group ${group}`,
    bridge === undefined ? "" : formatNumbers(bridge),
    port === undefined ? "" : formatNumbers(port),
    ...vlans.map(({ id, pvid, untagged }) => `vlan ${id}${pvid ? " pvid" : ""}${untagged ? " untagged" : ""}`),
  ];
  return words.filter((word) => word !== "").join(" ");
}

function formatNumbers(values: object): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${value}`)
    .join(" ");
}

function formatRoute(route: FakeRoute, nameOf: NameOf): string {
  const { destination, table, priority, scope, type, ways } = route;
  const hops = ways.map(({ index, gateway }) => {
    return `${gateway === undefined ? "" : `via ${formatAddress(gateway)} `}dev ${nameOf(index)}`;
  });
  return `${formatPrefix(destination)} ${hops.join(" ")} table ${table} priority ${priority} scope ${scope} type ${type}`;
}

function formatTraffic(namespace: FakeNamespace, nameOf: NameOf): readonly string[] {
  const qdiscs = namespace.qdiscs.map((qdisc) => {
    const { kind, index, tokenBucket } = readQdisc(encodeQdisc(qdisc));
    return `${nameOf(index)}: ${kind} ${tokenBucket === undefined ? "" : formatNumbers(tokenBucket)}`.trimEnd();
  });
  const filters = namespace.filters.map((filter) => {
    const { kind, redirect } = readFilter(encodeFilter(filter));
    return `${nameOf(filter.header.index)}: filter ${kind} to ${nameOf(redirect)}`;
  });
  return [...qdiscs, ...filters].sort();
}

function formatTable(table: FakeTable): readonly string[] {
  const name = `${table.family} ${table.name}`;
  return [
    `table ${name}`,
    ...table.chains.flatMap(({ described, rules }) => [
      `table ${name} chain ${described.name}${described.hook === undefined ? "" : ` hook ${described.hook.number} priority ${described.hook.priority}`}`,
      ...rules.map(({ expressions }) => `table ${name} chain ${described.name}: ${formatExpressions(expressions)}`),
    ]),
    ...table.sets.flatMap((set) => formatSet(name, set)),
  ];
}

function formatSet(table: string, { described, elements }: FakeSet): readonly string[] {
  const lines = elements.map(({ key, data, userdata }) => {
    const value = data?.verdict?.chain ?? hexOf(data?.value);
    const comment = findComment("element", userdata) ?? "";
    return `table ${table} set ${described.name} element ${hexOf(key?.value)} ${value} ${comment}`.trimEnd();
  });
  return [`table ${table} set ${described.name}`, ...lines.sort()];
}

function hexOf(bytes: Uint8Array = new Uint8Array()): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
