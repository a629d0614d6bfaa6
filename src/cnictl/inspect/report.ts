import { formatPort } from "../../../plugins/portmap/published.ts";
import { nameOf } from "../inventory/attachment-index.ts";
import {
  ATTACHMENT_HEADINGS,
  type AttachmentView,
  attachmentJson,
  attachmentRow,
} from "../inventory/attachment-view.ts";
import type { KnownAttachment } from "../inventory/attachments.ts";
import { type DhcpLeaseView, dhcpJson } from "../inventory/dhcp-leases.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { formatFields, formatTable, formatTime } from "../table.ts";
import type { Inside } from "./inside.ts";

/** What CHECK of one plugin says; `plugin` is "" if none was asked, and `message` says why. */
export interface CheckView {
  readonly network: string;
  readonly ifname: string;
  readonly plugin: string;
  readonly state: "ok" | "failed" | "not asked";
  readonly message: string;
}

/** All that exists for a container or a namespace. */
export interface Inspection {
  /** "" if it is unknown. */
  readonly netns: string;
  readonly namespace: AttachmentView["namespace"];
  readonly attachments: readonly { readonly attachment: KnownAttachment; readonly view: AttachmentView }[];
  readonly folders: Inventory["folders"];
  /** The DHCP leases of all containers. */
  readonly dhcp: readonly DhcpLeaseView[];
  /** Undefined if the namespace cannot be opened. */
  readonly inside: Inside | undefined;
  readonly checks: readonly CheckView[];
}

/** The inspection as text: tables with a line between them. */
export function formatInspection(inspection: Inspection): string {
  const { netns, namespace, attachments, inside, checks } = inspection;
  const now = Date.now();
  const containers = [...new Set(attachments.map(({ view }) => view.containerId))];
  const parts = [
    formatFields([
      ["Container", containers.join(", ")],
      ["Netns", netns === "" ? "" : `${netns} (${namespace})`],
    ]),
    formatTable(
      ATTACHMENT_HEADINGS,
      attachments.map(({ view }) => attachmentRow(view, now)),
    ),
    formatTable(
      ["ON-THE-HOST", "NETWORK", "NAME", "DETAILS"],
      attachments.flatMap((each) => hostRows(each.attachment, inspection)),
    ),
    ...(inside === undefined ? [] : insideTables(inside)),
    formatTable(["CHECK", "NETWORK", "INTERFACE", "STATE", "MESSAGE"], checks.map(checkRow)),
  ];
  return parts.join("\n");
}

/** The inspection as JSON. */
export function inspectionJson(inspection: Inspection) {
  const { netns, namespace, attachments, inside, checks } = inspection;
  return {
    netns,
    namespace,
    attachments: attachments.map(({ attachment, view }) => ({
      ...attachmentJson(view),
      host: hostJson(attachment, inspection),
    })),
    ...(inside !== undefined && { inside }),
    checks,
  };
}

function hostJson(attachment: KnownAttachment, { folders, dhcp }: Inspection) {
  const { cached, leases, links, places, ports } = attachment;
  return {
    ...(cached !== undefined && { result: cached.file }),
    leases: leases.map((lease) => ({
      address: lease.address,
      file: fileOf(lease, folders),
      since: formatTime(lease.since),
      ...(lease.reclaimable !== undefined && { reclaimable: lease.reclaimable }),
    })),
    dhcp: dhcpLeasesOf(attachment, dhcp).map(dhcpJson),
    links: links.map(({ name, kind, up, mtu, mac, alias }) => ({ name, kind, up, mtu, mac, alias })),
    rules: places.map(({ table, count, comment }) => ({ table, count, comment })),
    ports: ports.map(({ protocol, hostIp, hostPort, containerIp, containerPort, backend }) => {
      return { protocol, hostIp, hostPort, containerIp, containerPort, backend };
    }),
  };
}

function hostRows(attachment: KnownAttachment, { folders, dhcp }: Inspection): readonly (readonly string[])[] {
  const { network, cached, leases, links, places, ports } = attachment;
  return [
    ...(cached === undefined ? [] : [["result", network, cached.file, ""]]),
    ...leases.map((lease) => ["lease", network, lease.address, lease.reclaimable ?? fileOf(lease, folders)]),
    ...dhcpLeasesOf(attachment, dhcp).map(({ address, file }) => ["dhcp", network, address, file]),
    ...links.map(({ name, kind, up, mtu, mac }) => [
      "link",
      network,
      name,
      `${kind}, ${up ? "up" : "down"}, mtu ${mtu}, ${mac}`,
    ]),
    ...places.map(({ table, count, isReference }) => [
      "rules",
      network,
      table,
      `${count} ${isReference ? "rule" : "element"}${count === 1 ? "" : "s"}`,
    ]),
    ...ports.map((port) => ["port", network, formatPort(port), `to ${port.containerIp}, ${port.backend}`]),
  ];
}

function dhcpLeasesOf(attachment: KnownAttachment, all: Inspection["dhcp"]): Inspection["dhcp"] {
  return all.filter((lease) => nameOf(lease) === nameOf(attachment));
}

function fileOf(lease: KnownAttachment["leases"][number], folders: Inventory["folders"]): string {
  const folder = folders.find(({ leases }) => leases.includes(lease))?.folder ?? "";
  return `${folder}/${lease.address}`;
}

function insideTables({ links, routes }: Inside): readonly string[] {
  const linkRows = links.map(({ name, kind, up, mtu, mac, addresses }) => {
    return [name, kind, up ? "up" : "down", String(mtu), mac, addresses.join(",")];
  });
  const routeRows = routes.map(({ destination, gateway, link, metric }) => {
    return [destination, gateway, link, metric === 0 ? "" : String(metric)];
  });
  return [
    formatTable(["INSIDE", "KIND", "STATE", "MTU", "MAC", "ADDRESSES"], linkRows),
    formatTable(["ROUTE", "VIA", "LINK", "METRIC"], routeRows),
  ];
}

function checkRow({ plugin, network, ifname, state, message }: CheckView): readonly string[] {
  return [plugin, network, ifname, state, message];
}
