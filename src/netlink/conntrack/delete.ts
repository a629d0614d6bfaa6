import { NLM_F } from "../message.ts";
import type { Nfnetlink } from "../socket.ts";
import { connectionType, IPCTNL_MSG } from "./header.ts";
import { type Connection, encodeConnection } from "./message.ts";

/**
 * Forgets a connection, like `conntrack -D` with all of its original direction: the next packet is one of a new connection.
 * It names this very one: another with the same addresses and ports, made since, stays. @throws NetlinkError ENOENT when it is gone
 */
export function deleteConnection(netlink: Nfnetlink, { message, original }: Connection): void {
  const { original: tuple, id, zone } = message.attributes;
  netlink.request({
    type: connectionType(IPCTNL_MSG.CT_DELETE),
    flags: NLM_F.ACK,
    payload: encodeConnection({ family: message.family, attributes: { original: tuple, zone, id } }),
    action: `forget a tracked connection to port ${original.destinationPort}`,
  });
}
