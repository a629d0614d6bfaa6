import { LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";
import { holdAside } from "./aside.ts";
import { discard } from "./discard.ts";
import { attachFilter, type PacketFilter } from "./packet-filter.ts";
import { receiveAll } from "./receive-all.ts";
import { AF, bindSocket, openPrepared, SOCK, SOL, sendDatagram, setSocketBytes } from "./socket.ts";

/** The protocols of packets. <linux/if_ether.h> */
export const ETH_P = { IP: 0x0800, ARP: 0x0806, IPV6: 0x86dd } as const;

/** Joins a group of receivers, for as long as the socket is open. <linux/if_packet.h> */
const PACKET_ADD_MEMBERSHIP = 1;

/** A group is a MAC. <linux/if_packet.h> */
const PACKET_MR_MULTICAST = 0;

/** sizeof(struct sockaddr_ll) <linux/if_packet.h> */
const SOCKADDR_SIZE = 20;

/** sizeof(struct packet_mreq) <linux/if_packet.h> */
const MEMBERSHIP_SIZE = 16;

/** How long in ms another process keeps a socket, so that it is the last one that does. */
const HELD_MS = 5;

/** Bytes of the MAC of Ethernet. <linux/if_ether.h> */
const ETH_ALEN = 6;

/** The MAC of everyone on the link. */
export const BROADCAST = new Uint8Array(ETH_ALEN).fill(0xff);

/** A packet that has arrived, from its network header on, and the MAC that sent it. */
export interface ReceivedPacket {
  readonly packet: Uint8Array;
  readonly sender: Uint8Array;
}

/** A socket for whole packets of one protocol on one link. packet(7) */
export interface PacketSocket {
  readonly fd: number;
  /** Sends a packet to a MAC of the link. @throws LinuxError ENETDOWN, ENXIO if the link is down or gone */
  readonly send: (packet: Uint8Array, to: Uint8Array) => void;
  /** The packets that have arrived. Longer ones than any that is expected are left out. @throws LinuxError as send */
  readonly receive: () => readonly ReceivedPacket[];
  /** Takes the kernel 8 to 16 ms. */
  readonly close: () => void;
  /** Closes it for a process that ends soon: a process in the background waits for the kernel. */
  readonly leave: () => void;
}

/** What a socket receives: packets of a protocol on the link of an index, if the filter accepts them, also those to groups of MACs. */
export interface PacketSocketOptions {
  readonly index: number;
  readonly protocol: number;
  readonly filter?: PacketFilter;
  readonly groups?: readonly Uint8Array[];
}

/**
 * Opens a socket in the calling thread's namespace that receives packets whether the host has their address or not.
 * @throws LinuxError
 */
export function openPacketSocket({ index, protocol, filter, groups = [] }: PacketSocketOptions): PacketSocket {
  const linkAddress = (mac: Uint8Array) => encodeLinkAddress({ index, protocol, mac });
  // Protocol 0 receives nothing: the filter is there before the first packet.
  const fd = openPrepared([AF.PACKET, SOCK.DGRAM, 0], (opened) => {
    if (filter !== undefined) attachFilter(opened, filter);
    for (const group of groups) join(opened, index, group);
    bindSocket(opened, linkAddress(BROADCAST));
  });
  return {
    fd,
    send: (packet, to) => sendDatagram(fd, packet, linkAddress(to)),
    receive: () => receiveAll(fd, SOCKADDR_SIZE).map(({ bytes, sender }) => ({ packet: bytes, sender: macOf(sender) })),
    close: () => discard(fd),
    leave: () => {
      holdAside(fd, HELD_MS);
      discard(fd);
    },
  };
}

/** struct sockaddr_ll of a MAC on a link. <linux/if_packet.h> */
function encodeLinkAddress({ index, protocol, mac }: { index: number; protocol: number; mac: Uint8Array }): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF.PACKET, true);
  view.setUint16(2, protocol);
  view.setInt32(4, index, true);
  bytes[11] = ETH_ALEN;
  bytes.set(mac, 12);
  return bytes;
}

/** The MAC in a struct sockaddr_ll. <linux/if_packet.h> */
function macOf(linkAddress: Uint8Array): Uint8Array {
  return linkAddress.slice(12, 12 + ETH_ALEN);
}

/** Joins by a struct packet_mreq. <linux/if_packet.h> */
function join(fd: number, index: number, group: Uint8Array): void {
  const value = new Uint8Array(MEMBERSHIP_SIZE);
  const view = new DataView(value.buffer);
  view.setInt32(0, index, true);
  view.setUint16(4, PACKET_MR_MULTICAST, true);
  view.setUint16(6, group.length, true);
  value.set(group, 8);
  if (!setSocketBytes(fd, { level: SOL.PACKET, name: PACKET_ADD_MEMBERSHIP, value }))
    throw new LinuxError("join a group of MACs", { syscall: "setsockopt", errno: libc().errno() });
}
