import { type Delegation, startDelegate } from "../../src/cni/delegate.ts";
import type { Request } from "../../src/cni/request.ts";
import { launch } from "../../src/linux/process.ts";
import { selectOwner } from "../../src/netfilter/owner.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import { openNetlink } from "../../src/netlink/socket.ts";
import { keepBridgeMac } from "../../src/steps/bridge.ts";
import { findContainer } from "../../src/steps/container.ts";
import { endMasquerade } from "../../src/steps/masquerade.ts";
import { deletePorts } from "../../src/steps/own-ports.ts";
import { runAll } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";
import { readIpamType } from "./config.ts";

/**
 * Detaches a container: its masquerade rules, its interface and its lease. Works without the namespace, without
 * prevResult, after a configuration that has changed since ADD, and again and again. Runs every step, then throws all that failed.
 */
export function del(request: Request): void {
  runAll([
    // Before the address can be another container's.
    () => endMasquerade(request),
    () => detach(request),
  ]);
}

/**
 * The interface goes before its address is free; meanwhile the IPAM plugin starts, and waits for its input. While the interface
 * is there, so is the lease.
 */
function detach(request: Request): void {
  let ipam: Delegation | undefined;
  let isGone = false;
  runAll([
    () => {
      ipam = startIpam(request);
    },
    () => {
      deleteInterface(request);
      isGone = true;
    },
    () => (isGone ? ipam?.done() : ipam?.abandon()),
  ]);
}

function startIpam(request: Request): Delegation | undefined {
  const type = readIpamType(request);
  return type === undefined ? undefined : startDelegate(launch, request, { command: "DEL", type, held: true });
}

/** By its name in the container; where that cannot be asked, or has no such interface (any more), by the port's alias. */
function deleteInterface(request: Request): void {
  const host = openNetlink();
  const container = findContainer(request.netns);
  const inside = container && findLink(container.netlink, request.ifname);
  if (container === undefined || inside === undefined) {
    deletePorts(host, selectOwner(request));
    return;
  }
  if (inside.peer !== undefined) keepBridgeMac(host, inside.peer);
  deleteLinkIfThere(container.netlink, inside.name);
}
