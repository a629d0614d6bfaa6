import type { Delegation } from "../../src/cni/delegate.ts";
import type { Request } from "../../src/cni/request.ts";
import { selectOwner } from "../../src/netfilter/owner.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import type { Netlink } from "../../src/netlink/socket.ts";
import { keepBridgeMac } from "../../src/steps/bridge.ts";
import { findContainer } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { endMasquerade } from "../../src/steps/masquerade.ts";
import { deletePorts, isOthersPort, listOwnPorts } from "../../src/steps/own-ports.ts";
import { isOwned } from "../../src/steps/owned-links.ts";
import { awaitCommands, openRemains, type Remains } from "../../src/steps/remains.ts";
import { runAll } from "../../src/steps/undo.ts";
import { beginDeletionIfThere } from "../../src/steps/veth.ts";
import { readIpamType } from "./config.ts";
import { removeEmptyBridges } from "./removal.ts";
import { endSpoofCheck } from "./spoof-check.ts";

/** A container's interface that goes, and the ports that go with it. */
interface Leaving {
  readonly ports: readonly Link[];
  /** Returns once it is there no longer. @throws NetlinkError when the kernel refuses to delete it */
  readonly untilGone: () => void;
  /** Returns when nothing of it needs this process any more. @throws as untilGone, unless that did */
  readonly leave: () => void;
}

/**
 * Detaches a container: its interface, its masquerade rules and its lease. Works without the namespace, without
 * prevResult, after a configuration that has changed since ADD, and again and again. Runs every step, then throws all that failed.
 *
 * The interface and the rules go before the address is free; meanwhile the IPAM plugin starts, and waits for its input. While the
 * interface is there, so is the lease. What is to be done besides is done while the kernel takes the links apart.
 */
export function del(request: Request, host: Host): void {
  let ipam: Delegation | undefined;
  let remains: Remains | undefined;
  let leaving: Leaving | undefined;
  let gone: readonly Link[] | undefined;
  runAll([
    () => {
      ipam = startIpam(request, host);
    },
    () => awaitCommands(request, selectOwner(request)),
    () => {
      remains = openRemains(host);
    },
    () => {
      leaving = deleteInterface(request, host, remains?.socket);
    },
    () => remains && endMasquerade(request, remains),
    () => {
      leaving?.untilGone();
      gone = leaving?.ports;
    },
    () => (gone === undefined ? ipam?.abandon() : ipam?.done()),
    // What checks a port stays as long as there is one.
    () => gone && remains && endSpoofCheck(request, remains),
    () => removeEmptyBridges(request, host, gone),
    () => leaving?.leave(),
  ]);
}

function startIpam(request: Request, host: Host): Delegation | undefined {
  const type = readIpamType(request);
  return type === undefined ? undefined : host.delegate(request, { command: "DEL", type, held: true });
}

/**
 * By what the port says of whose it is: the path may lead to another container by now, and a container may have renamed its
 * interface or put another in its place. One whose port says nothing, as the Go plugins make it, goes by its name in the
 * container, unless prevResult names other ports.
 */
function deleteInterface(request: Request, host: Host, held: Netlink | undefined): Leaving {
  const selection = selectOwner(request);
  const container = findContainer(host, request.netns);
  const inside = container && findVeth(container.netlink, request.ifname);
  const port = inside?.peer === undefined ? undefined : findLink(host.netlink, inside.peer);
  if (port !== undefined && isOwned(selection, port))
    return beginLeaving(host.netlink, { host, port, link: port, held });
  const ports = listOwnPorts(host, selection);
  deletePorts(host, ports);
  const isOthers = port !== undefined && isOthersPort(request, port);
  if (container === undefined || inside === undefined || ports.length > 0 || isOthers)
    return { ports, untilGone: () => {}, leave: () => {} };
  return beginLeaving(container.netlink, { host, port, link: inside, held });
}

/** Begins to delete a link, the port itself or the other end of it. */
function beginLeaving(
  netlink: Netlink,
  { host, port, link, held }: { host: Host; port: Link | undefined; link: Link; held: Netlink | undefined },
): Leaving {
  if (port !== undefined) keepBridgeMac(host, port);
  const { untilGone, finish, leave } = beginDeletionIfThere(netlink, link, held);
  if (port === undefined) return { ports: [], untilGone: finish, leave };
  return { ports: [port], untilGone: () => untilGone(host.netlink, port.index), leave };
}

/** An end of a veth by its own name: the kernel finds a link by another name of its too. */
function findVeth(netlink: Netlink, name: string): Link | undefined {
  const link = findLink(netlink, name);
  return link?.kind === "veth" && link.name === name ? link : undefined;
}
