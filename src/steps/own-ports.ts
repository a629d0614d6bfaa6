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
 * The ports that say that they belong to what is selected, wherever their other end is. It asks for all veths of the
 * host: for where the container's namespace cannot be asked.
 */
export function listOwnPorts(host: Host, selection: Selection): readonly Link[] {
  return listOwned(host, "veth", selection);
}

/**
 * Whether a port that does not say that it is the attachment's is another's: it says so, or it is none of the host's interfaces that the
 * result of ADD names. A Go plugin's says nothing.
 */
export function isOthersPort(request: Pick<Request, "prevResult">, { name, alias }: Link): boolean {
  const { interfaces = [] } = findPrevResult(request) ?? {};
  const names = interfaces.filter(({ sandbox }) => sandbox === undefined).map(({ name: each }) => each);
  return isOwnerComment(alias) || (names.length > 0 && !names.includes(name));
}

/** Deletes ports, and with them their other ends. All are tried before what failed is thrown. */
export function deletePorts(host: Host, ports: readonly Link[]): void {
  runAll(
    ports.map((port) => () => {
      keepBridgeMac(host, port);
      deleteLinkIfThere(host.netlink, port.name);
    }),
  );
}

/**
 * To be called before a port is deleted: gives its bridge the MAC that it has for good. A bridge that was never given one takes the lowest
 * of its ports', and whoever talks to it loses packets each time that changes.
 */
export function keepBridgeMac(host: Host, port: Link): void {
  const bridge = port.master === undefined ? undefined : findLink(host.netlink, port.master);
  if (bridge?.kind === "bridge" && bridge.mac === port.mac) setLink(host.netlink, bridge, { mac: bridge.mac });
}
