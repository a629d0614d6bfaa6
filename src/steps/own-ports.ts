import { isSelected, type Owner, ownerComment, type Selection } from "../netfilter/owner.ts";
import { listKind } from "../netlink/link/list.ts";
import type { Netlink } from "../netlink/socket.ts";
import { keepBridgeMac } from "./bridge.ts";
import { runAll } from "./undo.ts";
import { deleteLinkIfThere } from "./veth.ts";

/** The alias of a veth's end on the host: whose it is, in the words of nftables' comments. */
export function portAlias(owner: Owner): string {
  return ownerComment(owner);
}

/**
 * Deletes the veths whose end on the host says that they belong to what is selected, wherever their other end is. It asks for
 * all veths of the host: for where the container's namespace cannot be asked. All are tried before what failed is thrown.
 */
export function deletePorts(host: Netlink, selection: Selection): void {
  const ports = listKind(host, "veth", selection.key).filter(({ alias }) => isSelected(selection, alias));
  runAll(
    ports.map((port) => () => {
      keepBridgeMac(host, port.index);
      deleteLinkIfThere(host, port.name);
    }),
  );
}
