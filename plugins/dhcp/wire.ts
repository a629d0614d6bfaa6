import { decodeDatagram, PORT } from "../../src/dhcp/datagram.ts";
import { decodeIfWhole } from "../../src/dhcp/decode.ts";
import { type DhcpMessage, decodeMessage } from "../../src/dhcp/message.ts";
import type { Outgoing } from "../../src/dhcp/question.ts";
import { encodeAddress } from "../../src/ip/address.ts";
import { udpTo } from "../../src/linux/packet-filter.ts";
import { BROADCAST, ETH_P, openPacketSocket } from "../../src/linux/packet-socket.ts";
import { openUdpSocket, type UdpSocket } from "../../src/linux/udp-socket.ts";
import type { LinkId } from "../../src/netlink/link/message.ts";
import type { Container } from "../../src/steps/host.ts";

/** The inside of a container. */
type Inside = Pick<Container, "within">;

/** What a client sends and receives through. It may outlive the container's descriptor, which is needed to send alone. */
export interface Wire<Outgoing, Message> {
  /** It is readable when a message arrives. */
  readonly fd: number;
  /** Sends from a container that is open. @throws LinuxError if the link is down or gone, or lacks the address */
  readonly send: (outgoing: Outgoing, container: Inside) => void;
  /** The messages that have arrived. What is no message of a server is left out. @throws LinuxError */
  readonly receive: () => readonly Message[];
  readonly close: () => void;
  /** Closes it for a process that ends soon, and need not wait for the kernel. */
  readonly leave: () => void;
}

/** The wire of IPv4. */
export interface Wire4 extends Wire<Outgoing, DhcpMessage> {
  /** Whether what was sent to a server still waits for its MAC. */
  readonly isSending: () => boolean;
}

/** Opens the sockets of a client on a link of a container. @throws LinuxError */
export function openWire({ within }: Inside, link: LinkId): Wire4 {
  const options = { index: link.index, protocol: ETH_P.IP, filter: udpTo(PORT.CLIENT) };
  const packets = within(() => openPacketSocket(options));
  let udp: UdpSocket | undefined;
  const send = (outgoing: Outgoing, container: Inside) => {
    if (outgoing.kind === "everyone") {
      packets.send(outgoing.packet, BROADCAST);
      return;
    }
    const from = { address: encodeAddress(outgoing.from), port: PORT.CLIENT };
    // It stays open: without it the kernel would tell the server that nobody listens.
    udp ??= container.within(() => openUdpSocket(from, link));
    udp.send(outgoing.payload, { address: encodeAddress(outgoing.to), port: PORT.SERVER });
  };
  return {
    fd: packets.fd,
    send,
    receive: () => packets.receive().flatMap(({ packet }) => readMessage(packet)),
    isSending: () => udp?.isSending() ?? false,
    close: () => {
      packets.close();
      udp?.close();
    },
    leave: () => {
      packets.leave();
      udp?.close();
    },
  };
}

function readMessage(packet: Uint8Array): readonly DhcpMessage[] {
  const payload = decodeDatagram(packet)?.payload;
  return payload === undefined ? [] : decodeIfWhole(decodeMessage, payload);
}
