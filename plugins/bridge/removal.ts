import type { Request } from "../../src/cni/request.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import type { Host } from "../../src/steps/host.ts";
import { runAll } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";
import { deleteEmptyBridge } from "./bridge-link.ts";
import { readRemoval } from "./config.ts";
import { isGatewayPort } from "./vlan-gateway.ts";

/**
 * With `removeEmptyBridge`: deletes the configuration's bridge, and those that the ports were on, unless they have other ports.
 * The gateways of its VLANs are no containers', and go with it. A bridge that somebody else made stays.
 */
export function removeEmptyBridges(request: Request, host: Host, ports: readonly Link[] = []): void {
  const { bridge, isAskedFor } = readRemoval(request);
  if (!isAskedFor) return;
  // The first socket may be waiting for the deletion of a port.
  const own = { ...host, netlink: host.openNetlink() };
  const others = ports.flatMap(({ master }) => (master === undefined ? [] : [master]));
  runAll([bridge, ...new Set(others)].map((which) => () => remove(own, which)));
}

/** The gateways first: one without its bridge would be taken for somebody else's by the next ADD. */
function remove(host: Host, which: string | number): void {
  deleteEmptyBridge(host, which, {
    counts: (port) => !isGatewayPort(port),
    disconnect: (port) => deleteLinkIfThere(host.netlink, port.name),
  });
}
