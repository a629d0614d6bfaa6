import { parseAddress } from "../../src/ip/address.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import type { Netfilter } from "../../src/steps/netfilter.ts";
import { type Held, isSameContainer } from "./holder.ts";
import { PROTOCOLS } from "./mapping.ts";
import { listReferencePorts, type PublishedPort } from "./published.ts";
import { overlaps, type Redirect } from "./redirect.ts";
import { REFERENCE_TABLES } from "./tables.ts";

/**
 * Finds a mapping of another container by the reference plugin's nftables backend that overlaps one of these. Asks nothing on a host
 * without that plugin's tables. @throws NetlinkError
 */
export function findReferenceHeld(
  { netlink, hasTable }: Pick<Netfilter, "netlink" | "hasTable">,
  redirects: readonly Redirect[],
  owner: Attachment,
): { readonly wanted: Redirect; readonly held: Held } | undefined {
  const tables = REFERENCE_TABLES.filter(hasTable);
  if (netlink === undefined || tables.length === 0) return undefined;
  const others = listReferencePorts(netlink, tables).flatMap(readHeld);
  for (const held of others.filter((each) => !isSameContainer(owner, each))) {
    const wanted = redirects.find((redirect) => overlaps(redirect, held.redirect));
    if (wanted !== undefined) return { wanted, held };
  }
  return undefined;
}

function readHeld({ protocol: name, hostIp, hostPort, containerIp, containerPort, owner }: PublishedPort): Held[] {
  const protocol = PROTOCOLS.find((each) => each === name);
  const to = parseAddress(containerIp);
  if (protocol === undefined || to === undefined) return [];
  return [{ redirect: { protocol, hostIp: parseAddress(hostIp), hostPort, to, toPort: containerPort }, owner }];
}
