import type { Request } from "../cni/request.ts";
import { selectOwner } from "../netfilter/owner.ts";
import { findLink } from "../netlink/link/get.ts";
import type { Link } from "../netlink/link/message.ts";
import type { Nfnetlink, Rtnetlink } from "../netlink/socket.ts";
import { findContainer } from "./container.ts";
import type { Container, Host } from "./host.ts";
import { holdRelease, type Release } from "./ipam.ts";
import { endMasquerade } from "./masquerade/masquerade.ts";
import { deletePorts, isOthersPort, keepBridgeMac, listOwnPorts } from "./own-ports.ts";
import { isOwned } from "./owned-links.ts";
import { awaitCommands, openRemains, type Remains } from "./remains.ts";
import { runAll } from "./undo.ts";
import { beginDeletionIfThere } from "./veth.ts";

/** A container's veth that is being deleted. The kernel needs about 10 ms for it; the caller can do other work at the same time. */
interface Departure {
  /** The host ends. */
  readonly ports: readonly Link[];
  /** Returns once the veth no longer exists. @throws NetlinkError when the kernel refuses to delete it */
  readonly untilGone: () => void;
  /** Returns once the kernel no longer needs this process. @throws as untilGone, unless untilGone already did */
  readonly leave: () => void;
}

/** What DEL of a plugin does besides deleting the veth and its masquerade rules. */
export interface Leftovers {
  /** Runs when the host ends are gone. `ports` is undefined if that is not known; `remains` if rules cannot be deleted. */
  readonly last: (ports: readonly Link[] | undefined, remains: Remains | undefined) => readonly (() => void)[];
}

/**
 * DEL of a plugin that makes a veth: deletes the container's interface and its masquerade rules, and releases its lease. Works
 * without the namespace, without prevResult, after the configuration has changed, and repeatedly. Runs every step, then throws
 * all errors. The interface and the rules are deleted before the address is released, so that nobody else gets an address in
 * use. Other work is done while the kernel deletes the interface.
 */
export function detach(request: Request, host: Host, { last }: Leftovers = { last: () => [] }): void {
  let lease: Release | undefined;
  let remains: Remains | undefined;
  let departure: Departure | undefined;
  let gone: readonly Link[] | undefined;
  runAll([
    () => {
      lease = holdRelease(request, host);
    },
    () => awaitCommands(request, selectOwner(request)),
    () => {
      remains = openRemains(host);
    },
    () => lease?.beforeInterface(),
    () => {
      departure = beginDeparture(request, host, remains?.socket);
    },
    () => remains && endMasquerade(request, remains),
    () => {
      departure?.untilGone();
      gone = departure?.ports;
    },
    () => (gone === undefined ? lease?.keep() : lease?.afterInterface()),
    () => runAll(last(gone, remains)),
    () => departure?.leave(),
  ]);
}

/**
 * Starts to delete the veth of an attachment. The alias or group of the host end says who owns it, because the path may now
 * lead to another container, and a container may have renamed or replaced its interface. The Go plugins do not mark the host
 * end. Such a veth is found by its name in the container, unless prevResult names other ports. `held` stays open until the
 * kernel is done.
 */
function beginDeparture(request: Request, host: Host, held: Nfnetlink | undefined): Departure {
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

/** Starts to delete a veth by one of its two ends. */
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

/** A veth of the container by its own name. The kernel also finds a link by its alternative names. */
function findVeth({ netlink }: Container, name: string): Link | undefined {
  const link = findLink(netlink, name);
  return link?.kind === "veth" && link.name === name ? link : undefined;
}
