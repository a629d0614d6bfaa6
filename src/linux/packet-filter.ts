import { LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";
import { SOL, setSocketBytes } from "./socket.ts";

/** Attaches a filter in the kernel. <sys/socket.h> */
const SO_ATTACH_FILTER = 26;

/** Protocol numbers. <netinet/in.h> */
const IPPROTO = { UDP: 17, ICMPV6: 58 } as const;

/** Operations of a filter. <linux/filter.h> */
const BPF = { LD: 0, LDX: 1, JMP: 5, RET: 6, H: 8, B: 16, ABS: 32, IND: 64, MSH: 160, JEQ: 16, JSET: 64 } as const;

/** sizeof(struct sock_filter) <linux/filter.h> */
const FILTER_SIZE = 8;

/** sizeof(struct sock_fprog) <linux/filter.h> */
const PROGRAM_SIZE = 16;

/** An operation, how many to skip if it is true and if not, and its operand. */
type Instruction = readonly [code: number, yes: number, no: number, operand: number];

/** Which packets a socket receives: a program of the kernel's, which sees a packet from its network header on. */
export type PacketFilter = readonly Instruction[];

const ACCEPT: Instruction = [BPF.RET, 0, 0, 0xffff];
const REFUSE: Instruction = [BPF.RET, 0, 0, 0];

/** `ip proto 17 and not fragment and udp dst port PORT`. RFC 791, RFC 768 */
export function udpTo(port: number): PacketFilter {
  return [
    [BPF.LD | BPF.B | BPF.ABS, 0, 0, 9],
    [BPF.JMP | BPF.JEQ, 0, 6, IPPROTO.UDP],
    [BPF.LD | BPF.H | BPF.ABS, 0, 0, 6],
    [BPF.JMP | BPF.JSET, 4, 0, 0x1fff],
    [BPF.LDX | BPF.B | BPF.MSH, 0, 0, 0],
    [BPF.LD | BPF.H | BPF.IND, 0, 0, 2],
    [BPF.JMP | BPF.JEQ, 0, 1, port],
    ACCEPT,
    REFUSE,
  ];
}

/** `ip6 proto 58 and (icmp6 type FIRST or icmp6 type SECOND)`, of packets without extension headers. RFC 8200, RFC 4443 */
export function icmp6Types([first, second]: readonly [first: number, second: number]): PacketFilter {
  return [
    [BPF.LD | BPF.B | BPF.ABS, 0, 0, 6],
    [BPF.JMP | BPF.JEQ, 0, 4, IPPROTO.ICMPV6],
    [BPF.LD | BPF.B | BPF.ABS, 0, 0, 40],
    [BPF.JMP | BPF.JEQ, 1, 0, first],
    [BPF.JMP | BPF.JEQ, 0, 1, second],
    ACCEPT,
    REFUSE,
  ];
}

/** Lets a socket receive only what the filter accepts. @throws LinuxError */
export function attachFilter(fd: number, filter: PacketFilter): void {
  const code = new Uint8Array(new ArrayBuffer(filter.length * FILTER_SIZE));
  const view = new DataView(code.buffer);
  for (const [index, [operation, yes, no, operand]] of filter.entries()) {
    const at = index * FILTER_SIZE;
    view.setUint16(at, operation, true);
    view.setUint8(at + 2, yes);
    view.setUint8(at + 3, no);
    view.setUint32(at + 4, operand, true);
  }
  const value = new Uint8Array(PROGRAM_SIZE);
  const program = new DataView(value.buffer);
  program.setUint16(0, filter.length, true);
  program.setBigUint64(8, libc().addressOf(code), true);
  if (!setSocketBytes(fd, { level: SOL.SOCKET, name: SO_ATTACH_FILTER, value }))
    throw new LinuxError("filter packets", { syscall: "setsockopt", errno: libc().errno() });
}
