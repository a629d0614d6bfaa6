import { NLM_F } from "../message.ts";
import type { Nfnetlink } from "../socket.ts";
import { connectionType, IPCTNL_MSG } from "./header.ts";
import { type Connection, encodeConnection } from "./message.ts";

/**
 * Deletes a connection, like `conntrack -D` with its full original direction. The next packet starts a new connection. It deletes only
 * this connection, not a later one with equal addresses and ports. @throws NetlinkError ENOENT if it no longer exists
 */
export function deleteConnection(netlink: Nfnetlink, { message, original }: Connection): void {
  const { original: tuple, id, zone } = message.attributes;
  netlink.request({
    type: connectionType(IPCTNL_MSG.CT_DELETE),
    flags: NLM_F.ACK,
    payload: encodeConnection({ family: message.family, attributes: { original: tuple, zone, id } }),
    action: `delete a tracked connection to port ${original.destinationPort}`,
  });
}
