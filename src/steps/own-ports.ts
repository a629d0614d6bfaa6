import { findPrevResult, type Request } from "../cni/request.ts";
import { isOwnerComment, type Selection } from "../netfilter/owner.ts";
import { findLink } from "../netlink/link/get.ts";
import type { Link } from "../netlink/link/message.ts";
import { setLink } from "../netlink/link/set.ts";
import type { Host } from "./host.ts";
import { listOwned } from "./owned-links.ts";
import { runAll } from "./undo.ts";
import { deleteLinkIfThere } from "./veth.ts";

/**
 * The ports whose alias or group names a selected attachment, wherever their other end is. It lists all veths of the host, so
 * use it only if the container's namespace cannot be read.
 */
export function listOwnPorts(host: Host, selection: Selection): readonly Link[] {
  return listOwned(host, "veth", selection);
}

/**
 * Whether a port without this attachment's mark belongs to another attachment: it has another mark, or the result of ADD names
 * the host's interfaces and not this one. The Go plugins do not mark their ports.
 */
export function isOthersPort(request: Pick<Request, "prevResult">, { name, alias }: Link): boolean {
  const { interfaces = [] } = findPrevResult(request) ?? {};
  const names = interfaces.filter(({ sandbox }) => sandbox === undefined).map(({ name: each }) => each);
  return isOwnerComment(alias) || (names.length > 0 && !names.includes(name));
}

/** Deletes ports, and with them their other ends. Tries all of them before it throws. */
export function deletePorts(host: Host, ports: readonly Link[]): void {
  runAll(
    ports.map((port) => () => {
      keepBridgeMac(host, port);
      deleteLinkIfThere(host.netlink, port.name);
    }),
  );
}

/**
 * Sets a bridge's current MAC as its fixed MAC. Call it before a port is deleted. A bridge without a fixed MAC takes the lowest
 * MAC of its ports, and its peers lose packets each time that this changes.
 */
export function keepBridgeMac(host: Host, port: Link): void {
  const bridge = port.master === undefined ? undefined : findLink(host.netlink, port.master);
  if (bridge?.kind === "bridge" && bridge.mac === port.mac) setLink(host.netlink, bridge, { mac: bridge.mac });
}
