import { LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";
import { discard } from "./discard.ts";
import { receiveAll } from "./receive-all.ts";
import { AF, bindSocket, openPrepared, SOCK, SOL, sendDatagram, setSocketBytes, setSocketOption } from "./socket.ts";

/** Options of every socket. <sys/socket.h> */
const SO = { REUSEADDR: 2, BINDTODEVICE: 25 } as const;

/** Asks for the bytes that have not left the machine (SIOCOUTQ of sockets). <sys/ioctl.h> */
const TIOCOUTQ = 0x5411;

/** sizeof(struct sockaddr_in). <netinet/in.h> */
const SOCKADDR_IN_SIZE = 16;

/** sizeof(struct sockaddr_in6). <netinet/in.h> */
const SOCKADDR_IN6_SIZE = 28;

/** An IPv4 address in 4 bytes or an IPv6 address in 16, and a port. */
export interface UdpEnd {
  readonly address: Uint8Array;
  readonly port: number;
}

/** A socket for UDP from one address of one link. udp(7) */
export interface UdpSocket {
  readonly fd: number;
  /** Sends a datagram. @throws LinuxError EHOSTUNREACH, ENETUNREACH, ENETDOWN, … */
  readonly send: (payload: Uint8Array, to: UdpEnd) => void;
  /** The datagrams that have arrived. @throws LinuxError */
  readonly receive: () => readonly Uint8Array[];
  /** Whether something that was sent still waits, such as for the MAC of the receiver. */
  readonly isSending: () => boolean;
  readonly close: () => void;
}

/** A link, by name and index. */
interface LinkName {
  readonly name: string;
  readonly index: number;
}

/** Opens a socket in the calling thread's namespace. @throws LinuxError EADDRNOTAVAIL if no link has the address, ENODEV without the link */
export function openUdpSocket(from: UdpEnd, link: LinkName): UdpSocket {
  const family = from.address.length === 4 ? 4 : 6;
  const fd = openPrepared([family === 4 ? AF.INET : AF.INET6, SOCK.DGRAM, 0], (opened) => {
    // Another client in the container may have the port.
    setSocketOption(opened, { level: SOL.SOCKET, name: SO.REUSEADDR, value: 1 });
    const name = new TextEncoder().encode(`${link.name}\0`);
    if (!setSocketBytes(opened, { level: SOL.SOCKET, name: SO.BINDTODEVICE, value: name }))
      throw new LinuxError(`bind a socket to link "${link.name}"`, { syscall: "setsockopt", errno: libc().errno() });
    bindSocket(opened, encodeEnd(from, link));
  });
  return {
    fd,
    send: (payload, to) => sendDatagram(fd, payload, encodeEnd(to, link)),
    receive: () => receiveAll(fd, SOCKADDR_IN6_SIZE).map(({ bytes }) => bytes),
    isSending: () => countUnsent(fd) > 0,
    close: () => discard(fd),
  };
}

/**
 * struct sockaddr_in: u16 family, the port in network order, the address. struct sockaddr_in6: u16 family, the port in network order, u32
 * flow, the address, u32 index of the link that it belongs to. <netinet/in.h>
 */
function encodeEnd({ address, port }: UdpEnd, { index }: LinkName): Uint8Array {
  const family = address.length === 4 ? 4 : 6;
  const bytes = new Uint8Array(family === 4 ? SOCKADDR_IN_SIZE : SOCKADDR_IN6_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family === 4 ? AF.INET : AF.INET6, true);
  view.setUint16(2, port);
  bytes.set(address, family === 4 ? 4 : 8);
  if (family === 6) view.setUint32(24, index, true);
  return bytes;
}

function countUnsent(fd: number): number {
  const count = new Uint8Array(4);
  if (libc().functions.ioctl(fd, TIOCOUTQ, count) === -1) return 0;
  return new DataView(count.buffer).getInt32(0, true);
}
