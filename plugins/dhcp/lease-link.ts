import { readBoot } from "../../src/linux/boot-id.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { findContainer } from "../../src/steps/container.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import type { LeasePlace } from "./lease-record.ts";

/** The interface of a lease, in its namespace. */
export interface LeaseLink {
  readonly container: Container;
  readonly link: Link;
}

/**
 * The interface that a lease is for. A path may lead to another container by now, and an index to another interface: both are compared
 * with what ADD found. Undefined if it is gone, or is not at any of the paths. @throws CniError invalidNetns
 */
export function findLeaseLink(host: Host, record: LeasePlace, netns = ""): LeaseLink | undefined {
  if (record.boot !== readBoot()) return undefined;
  for (const path of new Set([netns, record.netns])) {
    const container = findContainer(host, path);
    if (container?.identify() !== record.namespace) continue;
    const link = findLink(container.netlink, record.index);
    return link === undefined ? undefined : { container, link };
  }
  return undefined;
}
