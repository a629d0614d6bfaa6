import type { Request } from "../../src/cni/request.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import type { Host } from "../../src/steps/host.ts";
import { runAll } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";
import { deleteEmptyBridge } from "./bridge-link.ts";
import { readRemoval } from "./config.ts";
import { isGatewayPort } from "./vlan-gateway.ts";

/**
 * With `removeEmptyBridge`: deletes the configured bridge, and the bridges of these ports, if they have no other ports. Ports of VLAN
 * gateways do not count and are deleted too. Bridges that others created stay.
 */
export function removeEmptyBridges(request: Request, host: Host, ports: readonly Link[] = []): void {
  const { bridge, isAskedFor } = readRemoval(request);
  if (!isAskedFor) return;
  // The first socket may still wait for the deletion of a port.
  const own = { ...host, netlink: host.openNetlink() };
  const others = ports.flatMap(({ master }) => (master === undefined ? [] : [master]));
  runAll([bridge, ...new Set(others)].map((which) => () => remove(own, which)));
}

/** Deletes the gateways first. The next ADD would take a gateway without a bridge for another software's link. */
function remove(host: Host, which: string | number): void {
  deleteEmptyBridge(host, which, {
    counts: (port) => !isGatewayPort(port),
    disconnect: (port) => deleteLinkIfThere(host.netlink, port.name),
  });
}
