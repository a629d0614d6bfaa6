import { decodeIfWhole } from "../../src/dhcp/decode.ts";
import { type Dhcp6Message, decodeMessage } from "../../src/dhcp/v6/message.ts";
import { encodeAddress } from "../../src/ip/address.ts";
import { openUdpSocket } from "../../src/linux/udp-socket.ts";
import type { LeaseLink } from "./lease-link.ts";
import { getLinkLocal } from "./link-local.ts";
import type { Wire } from "./wire.ts";

/** UDP ports. RFC 8415, 7.2 */
const PORT = { CLIENT: 546, SERVER: 547 } as const;

/** ff02::1:2, all servers and relays on the link. RFC 8415, 7.1 */
const SERVERS = encodeAddress({ family: 6, value: 0xff02_0000_0000_0000_0000_0000_0001_0002n });

/** Opens the socket of a client of IPv6, at the link's own address. @throws CniError tryAgainLater without one, LinuxError */
export function openWire6({ container, link }: LeaseLink): Wire<Uint8Array, Dhcp6Message> {
  const from = { address: encodeAddress(getLinkLocal(container, link)), port: PORT.CLIENT };
  const udp = container.within(() => openUdpSocket(from, link));
  return {
    fd: udp.fd,
    send: (payload) => udp.send(payload, { address: SERVERS, port: PORT.SERVER }),
    receive: () => udp.receive().flatMap((payload) => decodeIfWhole(decodeMessage, payload)),
    close: () => udp.close(),
    leave: () => udp.close(),
  };
}
