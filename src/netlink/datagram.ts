import { AF, receiveDatagram, SO, SOL, sendDatagram, setSocketOption } from "../linux/socket.ts";
import { ERRNO, LinuxError } from "../platform/errno.ts";
import { viewOf } from "./bytes.ts";
import { decodeMessages, type Message } from "./message.ts";

/** sizeof(struct sockaddr_nl): u16 family, u16 pad, u32 port, u32 groups. <linux/netlink.h> */
const ADDRESS_SIZE = 12;

/** A buffer for a datagram of any socket, which is processed at once. The kernel's datagrams of a list have up to 32 KiB. */
const BUFFER = new Uint8Array(64 * 1024);

/**
 * Sends a datagram to the kernel. A transaction of thousands of changes needs a larger send buffer than the default.
 * @throws LinuxError
 */
export function sendWhole(fd: number, bytes: Uint8Array): void {
  try {
    sendDatagram(fd, bytes, kernelAddress());
  } catch (error) {
    if (!(error instanceof LinuxError) || error.errno !== ERRNO.EMSGSIZE) throw error;
    setSocketOption(fd, { level: SOL.SOCKET, name: SO.SNDBUFFORCE, value: 2 * bytes.length });
    sendDatagram(fd, bytes, kernelAddress());
  }
}

/** struct sockaddr_nl with port 0, which is the kernel as destination, and any free port as our own. */
export function kernelAddress(): Uint8Array {
  const address = new Uint8Array(ADDRESS_SIZE);
  viewOf(address).setUint16(0, AF.NETLINK, true);
  return address;
}

/** The messages of the next datagram from the kernel. Datagrams of other processes, which may also write to our socket, do not count. */
export function receiveMessages(fd: number, deadline: number): readonly Message[] | undefined {
  const sender = new Uint8Array(ADDRESS_SIZE);
  for (;;) {
    const datagram = receiveDatagram(fd, { buffer: BUFFER, sender, deadline });
    if (datagram === undefined) return undefined;
    if (viewOf(sender).getUint32(4, true) === 0) return decodeMessages(datagram.slice());
  }
}
