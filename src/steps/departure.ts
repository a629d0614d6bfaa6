import type { Request } from "../cni/request.ts";
import { selectOwner } from "../netfilter/owner.ts";
import { findLink } from "../netlink/link/get.ts";
import type { Link } from "../netlink/link/message.ts";
import type { Nfnetlink, Rtnetlink } from "../netlink/socket.ts";
import { findContainer } from "./container.ts";
import type { Container, Host } from "./host.ts";
import { deletePorts, isOthersPort, keepBridgeMac, listOwnPorts } from "./own-ports.ts";
import { isOwned } from "./owned-links.ts";
import { beginDeletionIfThere } from "./veth.ts";

/** A veth of a container that is being deleted. The kernel takes some 10 ms for it, which the caller can use for something else. */
export interface Departure {
  /** The ends on the host. */
  readonly ports: readonly Link[];
  /** Returns once the veth no longer exists. @throws NetlinkError when the kernel refuses to delete it */
  readonly untilGone: () => void;
  /** Returns once nothing of it needs this process any more. @throws as untilGone, unless that did */
  readonly leave: () => void;
}

/**
 * Begins to delete the veth of an attachment. Its end on the host says whose it is, by its alias or group: the path may lead to another
 * container by now, and a container may have renamed its interface or put another in its place. One whose host end says nothing, as the
 * Go plugins make it, goes by its name in the container, unless prevResult names other ports. `held` stays open until the kernel is done.
 */
export function beginDeparture(request: Request, host: Host, held: Nfnetlink | undefined): Departure {
  const selection = selectOwner(request);
  const container = findContainer(host, request.netns);
  const inside = container && findVeth(container, request.ifname);
  const port = inside?.peer === undefined ? undefined : findLink(host.netlink, inside.peer);
  if (port !== undefined && isOwned(selection, port))
    return begin(host, { through: host.netlink, port, link: port, held });
  const ports = listOwnPorts(host, selection);
  deletePorts(host, ports);
  const isOthers = port !== undefined && isOthersPort(request, port);
  if (container === undefined || inside === undefined || ports.length > 0 || isOthers)
    return { ports, untilGone: () => {}, leave: () => {} };
  return begin(host, { through: container.netlink, port, link: inside, held });
}

/** Begins to delete a link, the port itself or the other end of it. */
function begin(
  host: Host,
  {
    through,
    port,
    link,
    held,
  }: { through: Rtnetlink; port: Link | undefined; link: Link; held: Nfnetlink | undefined },
): Departure {
  if (port !== undefined) keepBridgeMac(host, port);
  const { untilGone, finish, leave } = beginDeletionIfThere(through, link, held);
  if (port === undefined) return { ports: [], untilGone: finish, leave };
  return { ports: [port], untilGone: () => untilGone(host.netlink, port.index), leave };
}

/** A veth of the container by its own name: the kernel also finds a link by its alternative names. */
function findVeth({ netlink }: Container, name: string): Link | undefined {
  const link = findLink(netlink, name);
  return link?.kind === "veth" && link.name === name ? link : undefined;
}
