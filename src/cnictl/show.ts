import type { Dns, Interface, IpConfig, Result, Route } from "../cni/result.ts";
import { formatAddress } from "../ip/address.ts";
import { formatPrefix } from "../ip/prefix.ts";
import type { RuntimeConf } from "../runtime/runtime-conf.ts";

/** One line: its subject, then columns. */
type Row = readonly string[];

/** A result as text for people: interfaces, addresses, routes and resolver settings in aligned lines. */
export function showResult(
  result: Result,
  { network, attachment }: { network: string; attachment: RuntimeConf },
): string {
  const title = `${attachment.ifname} in ${attachment.netns} is on network "${network}" (container ${attachment.containerId})\n\n`;
  const sections = [
    result.interfaces.map(interfaceRow),
    result.ips.map((ip) => addressRow(ip, result.interfaces)),
    result.routes.map(routeRow),
    dnsRows(result.dns),
  ];
  return title + alignLines(sections.flat());
}

/** An attachment as one line for people. */
export function showAttachment({ containerId, ifname, netns }: RuntimeConf): string {
  return `${ifname} of container ${containerId}${netns === "" ? "" : `, ${netns}`}`;
}

function interfaceRow({ name, mac, mtu, sandbox }: Interface): Row {
  const place = sandbox === undefined ? "on the host" : `in ${sandbox}`;
  return ["interface", name, mac ?? "", `${place}${mtu === undefined ? "" : `, mtu ${mtu}`}`];
}

function addressRow(ip: IpConfig, interfaces: readonly Interface[]): Row {
  const link = ip.interface === undefined ? undefined : interfaces[ip.interface];
  const gateway = ip.gateway === undefined ? "" : `gateway ${formatAddress(ip.gateway)}`;
  return ["address", formatPrefix(ip.address), gateway, link === undefined ? "" : `on ${link.name}`];
}

function routeRow(route: Route): Row {
  const gateway = route.gw === undefined ? "" : `via ${formatAddress(route.gw)}`;
  const { mtu, advmss, priority, table, scope } = route;
  const extras = Object.entries({ mtu, advmss, priority, table, scope }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${value}`],
  );
  return ["route", formatPrefix(route.dst), gateway, extras.join(", ")];
}

function dnsRows({ nameservers = [], domain = "", search = [], options = [] }: Dns): readonly Row[] {
  const rows = [
    ["nameserver", nameservers.join(" ")],
    ["domain", domain],
    ["search", search.join(" ")],
    ["options", options.join(" ")],
  ];
  return rows.filter(([, value]) => value !== "");
}

/** Aligns the columns of all lines, without trailing spaces. */
function alignLines(rows: readonly Row[]): string {
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => (row[column] ?? "").length)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}
