import { LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";
import { discard } from "./discard.ts";
import { AF, bindSocket, openPrepared, SOCK, SOL, sendDatagram, setSocketBytes, setSocketOption } from "./socket.ts";

/** Options of every socket. <sys/socket.h> */
const SO = { REUSEADDR: 2, BINDTODEVICE: 25 } as const;

/** Asks for the bytes that have not left the machine (SIOCOUTQ of sockets). <sys/ioctl.h> */
const TIOCOUTQ = 0x5411;

/** sizeof(struct sockaddr_in) <netinet/in.h> */
const SOCKADDR_SIZE = 16;

/** An IPv4 address in 4 bytes, and a port. */
export interface UdpEnd {
  readonly address: Uint8Array;
  readonly port: number;
}

/** A socket for UDP from one address of one link. udp(7) */
export interface UdpSocket {
  readonly fd: number;
  /** Sends a datagram. @throws LinuxError EHOSTUNREACH, ENETUNREACH, ENETDOWN, … */
  readonly send: (payload: Uint8Array, to: UdpEnd) => void;
  /** Whether something that was sent still waits, such as for the MAC of the receiver. */
  readonly isSending: () => boolean;
  readonly close: () => void;
}

/** Opens a socket in the calling thread's namespace. @throws LinuxError EADDRNOTAVAIL if no link has the address, ENODEV without the link */
export function openUdpSocket(from: UdpEnd, link: string): UdpSocket {
  const fd = openPrepared([AF.INET, SOCK.DGRAM, 0], (opened) => {
    // Another client in the container may have the port.
    setSocketOption(opened, { level: SOL.SOCKET, name: SO.REUSEADDR, value: 1 });
    const name = new TextEncoder().encode(`${link}\0`);
    if (!setSocketBytes(opened, { level: SOL.SOCKET, name: SO.BINDTODEVICE, value: name }))
      throw new LinuxError(`bind a socket to link "${link}"`, { syscall: "setsockopt", errno: libc().errno() });
    bindSocket(opened, encodeEnd(from));
  });
  return {
    fd,
    send: (payload, to) => sendDatagram(fd, payload, encodeEnd(to)),
    isSending: () => countUnsent(fd) > 0,
    close: () => discard(fd),
  };
}

/** struct sockaddr_in: u16 family, the port in network order, the address. <netinet/in.h> */
function encodeEnd({ address, port }: UdpEnd): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF.INET, true);
  view.setUint16(2, port);
  bytes.set(address, 4);
  return bytes;
}

function countUnsent(fd: number): number {
  const count = new Uint8Array(4);
  if (libc().functions.ioctl(fd, TIOCOUTQ, count) === -1) return 0;
  return new DataView(count.buffer).getInt32(0, true);
}
