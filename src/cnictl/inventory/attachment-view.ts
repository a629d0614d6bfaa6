import { formatPort } from "../../../plugins/portmap/published.ts";
import { formatAge, formatTime, shortenId } from "../table.ts";
import { type KnownAttachment, makerOf, type Source, sourcesOf } from "./attachments.ts";
import { bareAddress } from "./bare-address.ts";

/** What people and machines are shown of an attachment. */
export interface AttachmentView {
  readonly network: string;
  readonly containerId: string;
  readonly ifname: string;
  readonly addresses: readonly string[];
  readonly mac: string;
  /** The host's end of the veth. */
  readonly hostInterface: string;
  readonly ports: readonly PortView[];
  /** In ms; undefined if nothing tells. */
  readonly since: number | undefined;
  /** The path of the network namespace; "" if it is unknown. */
  readonly netns: string;
  readonly namespace: "alive" | "gone" | "unknown";
  readonly by: "ours" | "go" | undefined;
  readonly knownBy: readonly Source[];
}

/** A port mapping; `isRequested` if no rule was found for it: the runtime asked for it. */
export interface PortView {
  readonly protocol: string;
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly isRequested: boolean;
}

/** Summarises an attachment. `isLiving` says whether a path leads to a network namespace. */
export function viewAttachment(attachment: KnownAttachment, isLiving: (netns: string) => boolean): AttachmentView {
  const { network, containerId, ifname, cached, leases, links } = attachment;
  const veth = links.find(({ kind }) => kind === "veth");
  return {
    network,
    containerId,
    ifname,
    addresses: addressesOf(attachment),
    mac: cached?.mac ?? "",
    hostInterface: veth?.name ?? "",
    ports: portsOf(attachment),
    since: cached?.since ?? leases[0]?.since,
    netns: cached?.netns || (leases.find(({ netns }) => netns !== "")?.netns ?? ""),
    namespace: namespaceOf(attachment, isLiving),
    by: makerOf(attachment),
    knownBy: sourcesOf(attachment),
  };
}

export const ATTACHMENT_HEADINGS = [
  "NETWORK",
  "CONTAINER",
  "INTERFACE",
  "ADDRESSES",
  "MAC",
  "HOST-END",
  "PORTS",
  "AGE",
  "NETNS",
  "BY",
  "KNOWN-BY",
];

/** A line of the table with ATTACHMENT_HEADINGS. */
export function attachmentRow(view: AttachmentView, now: number): readonly string[] {
  return [
    view.network,
    shortenId(view.containerId),
    view.ifname,
    view.addresses.join(","),
    view.mac,
    view.hostInterface,
    view.ports.map((port) => `${formatPort(port)}${port.isRequested ? "?" : ""}`).join(","),
    view.since === undefined ? "" : formatAge(view.since, now),
    view.namespace === "unknown" ? "" : view.namespace,
    view.by ?? "",
    view.knownBy.length === 1 ? `${view.knownBy[0]} only` : view.knownBy.join("+"),
  ];
}

/** The view with times as ISO 8601, and without what is unknown. */
export function attachmentJson({ since, by, ...view }: AttachmentView) {
  return { ...view, ...(since !== undefined && { since: formatTime(since) }), ...(by !== undefined && { by }) };
}

/**
 * Whether the attachment's namespace exists: by its lease's record, which has the inode; else by a veth, which ends with either of its
 * namespaces; else by the path in the result. One that has no process and is not at that path either is gone.
 */
export function namespaceOf(
  { leases, cached, links }: KnownAttachment,
  isLiving: (netns: string) => boolean,
): AttachmentView["namespace"] {
  if (leases.some(({ namespace }) => namespace === "alive")) return "alive";
  if (leases.some(({ namespace }) => namespace === "gone")) return "gone";
  const netns = cached?.netns ?? "";
  const isDeserted = leases.some(({ namespace }) => namespace === "deserted");
  if (isDeserted ? netns === "" : links.some(({ kind }) => kind === "veth")) return "alive";
  if (netns === "") return "unknown";
  return isLiving(netns) ? "alive" : "gone";
}

/** The result's addresses with prefix lengths, and leased addresses that no result has. */
export function addressesOf({ cached, leases }: KnownAttachment): readonly string[] {
  if (cached === undefined) return leases.map(({ address }) => address);
  const stated = cached.addresses;
  const bare = new Set(stated.map(bareAddress));
  return [...stated, ...leases.map(({ address }) => address).filter((address) => !bare.has(address))];
}

/** The mappings of the kernel without duplicates, since each family has its own, and those that only the runtime asked for. */
function portsOf({ ports, cached }: KnownAttachment): readonly PortView[] {
  if (ports.length === 0 && cached === undefined) return [];
  const found = new Map<string, PortView>();
  const add = (port: Omit<PortView, "isRequested">, isRequested: boolean) => {
    const { protocol, hostIp, hostPort, containerPort } = port;
    const name = formatPort(port);
    if (!found.has(name)) found.set(name, { protocol, hostIp, hostPort, containerPort, isRequested });
  };
  for (const port of ports) add(port, false);
  for (const port of cached?.ports ?? []) add(port, true);
  return [...found.values()];
}
