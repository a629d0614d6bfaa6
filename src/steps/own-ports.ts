import type { Selection } from "../netfilter/owner.ts";
import type { Link } from "../netlink/link/message.ts";
import type { Netlink } from "../netlink/socket.ts";
import { keepBridgeMac } from "./bridge.ts";
import { listOwned } from "./owned-links.ts";
import { runAll } from "./undo.ts";
import { deleteLinkIfThere } from "./veth.ts";

/**
 * The ports that say that they belong to what is selected, wherever their other end is. It asks for all veths of the
 * host: for where the container's namespace cannot be asked.
 */
export function listOwnPorts(host: Netlink, selection: Selection): readonly Link[] {
  return listOwned(host, "veth", selection);
}

/** Deletes ports, and with them their other ends. All are tried before what failed is thrown. */
export function deletePorts(host: Netlink, ports: readonly Link[]): void {
  runAll(
    ports.map((port) => () => {
      keepBridgeMac(host, port);
      deleteLinkIfThere(host, port.name);
    }),
  );
}
