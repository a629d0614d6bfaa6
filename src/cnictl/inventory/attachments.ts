import type { LeaseEntry, LeaseReport } from "../../../plugins/host-local/lease-report.ts";
import type { PublishedPort } from "../../../plugins/portmap/published.ts";
import { isOwnerComment } from "../../netfilter/owner.ts";
import type { OwnedPlace } from "../../netfilter/owner-list.ts";
import type { Link } from "../../netlink/link/message.ts";
import { Attachments, type Draft } from "./attachment-index.ts";
import type { KernelMarks } from "./marks.ts";
import type { CachedAttachment } from "./results.ts";

/** A source of the inventory that knows an attachment. */
export type Source = "cache" | "lease" | "link" | "rules" | "ports";

/** The leases of one network. */
export interface NetworkLeases extends LeaseReport {
  readonly network: string;
}

/** An attachment that at least one source knows. */
export interface KnownAttachment {
  /** "" if no source names it. */
  readonly network: string;
  readonly containerId: string;
  /** "" if no source names it. */
  readonly ifname: string;
  /** Whether the names are of a comment that the kernel's limit cut: then they may be incomplete. */
  readonly isCut: boolean;
  readonly cached: CachedAttachment | undefined;
  readonly leases: readonly LeaseEntry[];
  /** The links of the host that belong to it: the host's end of a veth, and an IFB. */
  readonly links: readonly Link[];
  readonly places: readonly OwnedPlace[];
  readonly ports: readonly PublishedPort[];
}

/** What the join needs of each source. */
export interface Sources {
  readonly cached: readonly CachedAttachment[];
  readonly leases: readonly NetworkLeases[];
  readonly marks: KernelMarks;
}

/** Joins the sources by network, container and interface. The order is that of the cache, then of the leases, then of the kernel. */
export function joinAttachments({ cached, leases, marks }: Sources): readonly KnownAttachment[] {
  const all = new Attachments();
  for (const each of cached) all.at(each).cached = each;
  for (const { network, leases: entries } of leases)
    for (const lease of entries) if (lease.containerId !== "") addLease(all.ofLease(network, lease), lease);
  addMarks(all, marks);
  return all.list();
}

/** The sources that know an attachment. */
export function sourcesOf({ cached, leases, links, places, ports }: KnownAttachment): readonly Source[] {
  const sources: Source[] = [];
  if (cached !== undefined) sources.push("cache");
  if (leases.length > 0) sources.push("lease");
  if (links.length > 0) sources.push("link");
  if (places.length > 0) sources.push("rules");
  if (ports.length > 0) sources.push("ports");
  return sources;
}

/**
 * Who made the attachment: this project's plugins ("ours", by their marks), or the CNI project's Go plugins, whose links and leases have
 * none. Undefined if nothing tells.
 */
export function makerOf({ leases, links, places, ports }: KnownAttachment): "ours" | "go" | undefined {
  const isOurs =
    leases.some(({ isRecorded }) => isRecorded) ||
    links.some(({ alias }) => isOwnerComment(alias)) ||
    places.some(({ isReference }) => !isReference) ||
    ports.some((port) => port.isOurs === true);
  if (isOurs) return "ours";
  const isGos =
    leases.length > 0 || links.length > 0 || places.length > 0 || ports.some((port) => port.isOurs === false);
  return isGos ? "go" : undefined;
}

function addLease(draft: Draft, lease: LeaseEntry): void {
  draft.leases = [...draft.leases, lease];
}

function addMarks(all: Attachments, { links, places, ports }: KernelMarks): void {
  const hostLinks = all.byHostLink();
  for (const link of links) {
    const draft = isOwnerComment(link.alias) ? all.ofComment(link.alias) : hostLinks.get(link.name);
    if (draft !== undefined) draft.links = [...draft.links, link];
  }
  for (const place of places) {
    const draft = all.ofComment(place.comment);
    if (draft !== undefined) draft.places = [...draft.places, place];
  }
  for (const port of ports) {
    const draft = all.ofPort(port);
    if (draft !== undefined) draft.ports = [...draft.ports, port];
  }
}
