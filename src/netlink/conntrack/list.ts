import type { Family } from "../../ip/address.ts";
import { NLM_F } from "../message.ts";
import type { Nfnetlink } from "../socket.ts";
import { CTA_FILTER_F } from "./attributes.ts";
import { CONNECTION_FAMILY, connectionType, IPCTNL_MSG } from "./header.ts";
import { type Connection, encodeConnection, readConnection } from "./message.ts";

/** Selects connections by protocol (IPPROTO), and by the original destination port if there is one. */
export interface ConnectionFilter {
  readonly family: Family;
  readonly protocol: number;
  readonly destinationPort?: number;
}

/**
 * The connections of a family, like `conntrack -L -f ipv4 -p udp --orig-port-dst PORT`. Since Linux 5.8 the kernel filters them. Older
 * kernels send all of the family, and they are filtered here. `netlink` is a socket of NETLINK_NETFILTER. @throws NetlinkError
 */
export function listConnections(netlink: Nfnetlink, filter: ConnectionFilter): readonly Connection[] {
  const { family, protocol, destinationPort } = filter;
  const hasPort = destinationPort !== undefined;
  const wanted = CTA_FILTER_F.PROTO_NUM | (hasPort ? CTA_FILTER_F.PROTO_DST_PORT : 0);
  const proto = { protocol, ...(hasPort && { destinationPort }) };
  const attributes = { original: { proto }, filter: { original: wanted, reply: 0 } };
  const messages = netlink.request({
    type: connectionType(IPCTNL_MSG.CT_GET),
    flags: NLM_F.DUMP,
    payload: encodeConnection({ family: CONNECTION_FAMILY[family], attributes }),
    action: `list the tracked connections of protocol ${protocol}${hasPort ? ` to port ${destinationPort}` : ""}`,
  });
  return messages
    .map(readConnection)
    .filter(
      (connection) =>
        connection.protocol === protocol && (!hasPort || connection.original.destinationPort === destinationPort),
    );
}
