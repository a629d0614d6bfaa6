import { ERRNO, LinuxError } from "../platform/errno.ts";
import { receiveDatagram } from "./socket.ts";

/** The longest datagram that is received. */
const LONGEST = 4096;

/** How many datagrams are read at a time: a sender without an end must not hold us. */
const MOST = 64;

/** A datagram, and the struct sockaddr of its sender. */
export interface ReceivedDatagram {
  readonly bytes: Uint8Array;
  readonly sender: Uint8Array;
}

/**
 * The datagrams that have arrived at a socket, whose struct sockaddr has `senderSize` bytes. Longer ones than any that is expected are left
 * out. @throws LinuxError
 */
export function receiveAll(fd: number, senderSize: number): readonly ReceivedDatagram[] {
  const datagrams: ReceivedDatagram[] = [];
  for (let count = 0; count < MOST; count++) {
    try {
      const into = { buffer: new Uint8Array(LONGEST), sender: new Uint8Array(senderSize), deadline: 0 };
      const bytes = receiveDatagram(fd, into);
      if (bytes === undefined) break;
      datagrams.push({ bytes, sender: into.sender });
    } catch (error) {
      if (!(error instanceof LinuxError && error.errno === ERRNO.EMSGSIZE)) throw error;
    }
  }
  return datagrams;
}
