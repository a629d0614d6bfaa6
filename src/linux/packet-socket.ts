import fs from "#fs";
import { ERRNO, LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";
import { AF, bindSocket, openPrepared, receiveDatagram, SOCK, SOL, sendDatagram, setSocketBytes } from "./socket.ts";

/** The EtherType of IPv4. <linux/if_ether.h> */
const ETH_P_IP = 0x0800;

/** Attaches a filter in the kernel. <sys/socket.h> */
const SO_ATTACH_FILTER = 26;

/** The protocol number of UDP. <netinet/in.h> */
const IPPROTO_UDP = 17;

/** Operations of a filter. <linux/filter.h> */
const BPF = { LD: 0, LDX: 1, JMP: 5, RET: 6, H: 8, B: 16, ABS: 32, IND: 64, MSH: 160, JEQ: 16, JSET: 64 } as const;

/** sizeof(struct sockaddr_ll) <linux/if_packet.h> */
const SOCKADDR_SIZE = 20;

/** sizeof(struct sock_filter) <linux/filter.h> */
const FILTER_SIZE = 8;

/** sizeof(struct sock_fprog) <linux/filter.h> */
const PROGRAM_SIZE = 16;

/** Bytes of the MAC of Ethernet. <linux/if_ether.h> */
const ETH_ALEN = 6;

/** The longest packet that is received. */
const LONGEST = 4096;

/** How many packets are read at a time: a sender without an end must not hold us. */
const MOST = 64;

/** A socket for whole IPv4 packets on one link. packet(7) */
export interface PacketSocket {
  readonly fd: number;
  /** Sends a packet to everyone on the link. @throws LinuxError ENETDOWN, ENXIO if the link is down or gone */
  readonly broadcast: (packet: Uint8Array) => void;
  /** The packets that have arrived. Longer ones than any that is expected are left out. @throws LinuxError as broadcast */
  readonly receive: () => readonly Uint8Array[];
  readonly close: () => void;
}

/**
 * Opens a socket in the calling thread's namespace that receives the UDP packets to `port` on the link of that index, whether the host has
 * their address or not. Closing it takes the kernel 8 to 16 ms. @throws LinuxError
 */
export function openPacketSocket({ index, port }: { index: number; port: number }): PacketSocket {
  // Protocol 0 receives nothing: the filter is there before the first packet.
  const fd = openPrepared([AF.PACKET, SOCK.DGRAM, 0], (opened) => {
    attachFilter(opened, port);
    bindSocket(opened, encodeLinkAddress(index));
  });
  return {
    fd,
    broadcast: (packet) => sendDatagram(fd, packet, encodeLinkAddress(index)),
    receive: () => receiveAll(fd),
    close: () => fs.closeSync(fd),
  };
}

/** struct sockaddr_ll of everyone on a link. <linux/if_packet.h> */
function encodeLinkAddress(index: number): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF.PACKET, true);
  view.setUint16(2, ETH_P_IP);
  view.setInt32(4, index, true);
  bytes[11] = ETH_ALEN;
  bytes.fill(0xff, 12, 12 + ETH_ALEN);
  return bytes;
}

function receiveAll(fd: number): readonly Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let count = 0; count < MOST; count++) {
    try {
      const into = { buffer: new Uint8Array(LONGEST), sender: new Uint8Array(SOCKADDR_SIZE), deadline: 0 };
      const packet = receiveDatagram(fd, into);
      if (packet === undefined) break;
      packets.push(packet);
    } catch (error) {
      if (!(error instanceof LinuxError && error.errno === ERRNO.EMSGSIZE)) throw error;
    }
  }
  return packets;
}

/** An operation, how many to skip if it is true and if not, and its operand. */
type Instruction = readonly [code: number, yes: number, no: number, operand: number];

/** `ip proto 17 and not fragment and udp dst port PORT`, from the first byte of the IPv4 header on. RFC 791, RFC 768 */
function programFor(port: number): readonly Instruction[] {
  return [
    [BPF.LD | BPF.B | BPF.ABS, 0, 0, 9],
    [BPF.JMP | BPF.JEQ, 0, 6, IPPROTO_UDP],
    [BPF.LD | BPF.H | BPF.ABS, 0, 0, 6],
    [BPF.JMP | BPF.JSET, 4, 0, 0x1fff],
    [BPF.LDX | BPF.B | BPF.MSH, 0, 0, 0],
    [BPF.LD | BPF.H | BPF.IND, 0, 0, 2],
    [BPF.JMP | BPF.JEQ, 0, 1, port],
    [BPF.RET, 0, 0, 0xffff],
    [BPF.RET, 0, 0, 0],
  ];
}

function attachFilter(fd: number, port: number): void {
  const instructions = programFor(port);
  const code = new Uint8Array(new ArrayBuffer(instructions.length * FILTER_SIZE));
  const view = new DataView(code.buffer);
  for (const [index, [operation, yes, no, operand]] of instructions.entries()) {
    const at = index * FILTER_SIZE;
    view.setUint16(at, operation, true);
    view.setUint8(at + 2, yes);
    view.setUint8(at + 3, no);
    view.setUint32(at + 4, operand, true);
  }
  const value = new Uint8Array(PROGRAM_SIZE);
  const program = new DataView(value.buffer);
  program.setUint16(0, instructions.length, true);
  program.setBigUint64(8, libc().addressOf(code), true);
  if (!setSocketBytes(fd, { level: SOL.SOCKET, name: SO_ATTACH_FILTER, value }))
    throw new LinuxError("filter packets", { syscall: "setsockopt", errno: libc().errno() });
}
