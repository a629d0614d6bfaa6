import { type Delegation, startDelegate } from "../../src/cni/delegate.ts";
import type { Request } from "../../src/cni/request.ts";
import { launch } from "../../src/linux/process.ts";
import { selectOwner } from "../../src/netfilter/owner.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { openNetlink } from "../../src/netlink/socket.ts";
import { keepBridgeMac } from "../../src/steps/bridge.ts";
import { findContainer } from "../../src/steps/container.ts";
import { endMasquerade } from "../../src/steps/masquerade.ts";
import { deletePorts, listOwnPorts } from "../../src/steps/own-ports.ts";
import { runAll } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";
import { readIpamType } from "./config.ts";
import { removeEmptyBridges } from "./removal.ts";
import { endSpoofCheck } from "./spoof-check.ts";

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
  let gone: readonly Link[] | undefined;
  runAll([
    () => {
      ipam = startIpam(request);
    },
    () => {
      gone = deleteInterface(request);
    },
    () => (gone === undefined ? ipam?.abandon() : ipam?.done()),
    // What checks a port stays as long as there is one.
    () => gone && endSpoofCheck(request),
    () => removeEmptyBridges(request, gone),
  ]);
}

function startIpam(request: Request): Delegation | undefined {
  const type = readIpamType(request);
  return type === undefined ? undefined : startDelegate(launch, request, { command: "DEL", type, held: true });
}

/**
 * By its name in the container; where that cannot be asked, or has no such interface (any more), by the port's alias. Returns
 * the ports that went with it.
 */
function deleteInterface(request: Request): readonly Link[] {
  const host = openNetlink();
  const container = findContainer(request.netns);
  const inside = container && findLink(container.netlink, request.ifname);
  if (container === undefined || inside === undefined) {
    const ports = listOwnPorts(host, selectOwner(request));
    deletePorts(host, ports);
    return ports;
  }
  const port = inside.peer === undefined ? undefined : findLink(host, inside.peer);
  if (port !== undefined) keepBridgeMac(host, port);
  deleteLinkIfThere(container.netlink, inside.name);
  return port === undefined ? [] : [port];
}
