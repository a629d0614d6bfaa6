import { vi } from "vitest";
import type { decodeMessage } from "../../../src/dhcp/message.ts";
import { decodeAddress, isSameAddress } from "../../../src/ip/address.ts";
import type { PacketSocket, PacketSocketOptions } from "../../../src/linux/packet-socket.ts";
import type { UdpEnd, UdpSocket } from "../../../src/linux/udp-socket.ts";
import type { UnixStream } from "../../../src/linux/unix-stream.ts";
import { ERRNO, LinuxError } from "../../../src/platform/errno.ts";
import { isUp } from "../../kernel/link.ts";
import type { FakeNamespace } from "../../kernel/namespace.ts";
import { hear4, hear6 } from "./servers.ts";

// What is beyond a container's interface, for tests without a kernel: servers of both families, a daemon, and the time that passes while
// somebody waits.

/** What the boot's clock says when a test begins, in ms. */
export const START = 1_000_000;

interface Arrivals {
  readonly queue: Uint8Array[];
  readonly family: 4 | 6;
}

/** How everybody there behaves, and what they have seen. */
const calm = () => ({
  /** The namespace that the thread is in; undefined is the host's. */
  place: undefined as FakeNamespace | undefined,
  /** Sockets that are open, by descriptor. */
  open: new Map<number, Arrivals>(),
  /** Messages in order, such as "DISCOVER from 0.0.0.0 to 255.255.255.255" and "RELEASE by UDP from …". */
  sent: [] as string[],
  /** Those of IPv4 decoded. */
  messages: [] as ReturnType<typeof decodeMessage>[],
  /** Addresses that the servers have given and not got back. */
  leases: new Set<string>(),
  /** Questions that get no answer, such as "DISCOVER", and those that a server says no to. */
  unanswered: [] as readonly string[],
  refused: [] as readonly string[],
  /** Options of IPv4 in place of dnsmasq's; undefined leaves one out. */
  options: {} as Readonly<Record<number, Uint8Array | undefined>>,
  /** How often it takes a look until what UDP sent has left the machine. */
  unsent: 0,
  /** Told of each message before it is answered. */
  onSent: (_message: string) => {},
  /** Goes on while somebody waits. */
  onWait: () => {},
  /** The paths of Unix sockets that were connected to; what a daemon there reads and answers. Without answers nobody listens. */
  connected: [] as string[],
  written: [] as string[],
  daemon: undefined as readonly Uint8Array[] | undefined,
  onConnect: () => {},
});

export const lan = calm();

/** Nothing has been sent, and everybody answers. From here on, time passes only while the product waits. */
export function beginLan(): void {
  Object.assign(lan, calm());
  vi.useFakeTimers({ now: START, toFake: ["performance"] });
}

/** In place of readBootClock(). */
export function readClock(): number {
  return START + performance.now();
}

/** In place of pause(). */
export function wait(milliseconds: number): void {
  lan.onWait();
  vi.advanceTimersByTime(Math.ceil(Math.max(milliseconds, 0)));
}

/** In place of poll(): waits unless something has arrived. */
export function poll(fds: readonly number[], timeout: number): readonly boolean[] {
  const look = () => fds.map((fd) => (lan.open.get(fd)?.queue.length ?? 0) > 0);
  if (!look().includes(true)) wait(timeout);
  return look();
}

/** In place of openPacketSocket(). */
export function openPackets({ index }: PacketSocketOptions): PacketSocket {
  const namespace = requirePlace();
  const { fd, receive, close } = openAny(4);
  return {
    fd,
    send: (packet) => {
      requireUp(namespace, index);
      const [from, to] = [decodeAddress(packet.subarray(12, 16)), decodeAddress(packet.subarray(16, 20))];
      deliver(4, hear4(lan, packet.subarray(28), { from, to }));
    },
    receive: () => receive().map((packet) => ({ packet, sender: new Uint8Array(6) })),
    close,
    leave: close,
  };
}

/** In place of openUdpSocket(). @throws LinuxError EADDRNOTAVAIL if the link has not got the address */
export function openUdp({ address: bytes }: UdpEnd, { index }: { index: number }): UdpSocket {
  const namespace = requirePlace();
  const from = decodeAddress(bytes);
  if (!namespace.addressesOf(index).some(({ prefix }) => isSameAddress(prefix.address, from)))
    throw new LinuxError("bind a socket", { syscall: "bind", errno: ERRNO.EADDRNOTAVAIL });
  const { fd, receive, close } = openAny(from.family);
  return {
    fd,
    send: (payload, end) => {
      requireUp(namespace, index);
      const to = decodeAddress(end.address);
      if (from.family === 4) deliver(4, hear4(lan, payload, { from, to, way: " by UDP" }));
      else deliver(6, hear6(lan, payload, { from, to }));
    },
    receive,
    isSending: () => lan.unsent-- > 0,
    close,
  };
}

/** In place of connectUnix(). */
export function connect(path: string): UnixStream {
  lan.connected.push(path);
  lan.onConnect();
  const answers = [...(lan.daemon ?? [])];
  if (lan.daemon === undefined)
    throw new LinuxError(`connect to ${path}`, { syscall: "connect", errno: ERRNO.ECONNREFUSED });
  return {
    write: (bytes) => void lan.written.push(Buffer.from(bytes).toString("hex")),
    read: () => {
      const answer = answers.shift();
      if (answer !== undefined) return answer;
      throw new LinuxError("receive from a socket", { syscall: "recvfrom", errno: ERRNO.ETIMEDOUT });
    },
    close: () => {},
  };
}

function requirePlace(): FakeNamespace {
  if (lan.place === undefined) throw new Error("A socket for a container is opened on the host");
  return lan.place;
}

function requireUp(namespace: FakeNamespace, index: number): void {
  const link = namespace.links.get(index);
  if (link !== undefined && isUp(link)) return;
  const errno = link === undefined ? ERRNO.ENXIO : ERRNO.ENETDOWN;
  throw new LinuxError("send to a socket", { syscall: "sendto", errno });
}

let lastFd = 3_000_000;

function openAny(family: 4 | 6) {
  lastFd++;
  const fd = lastFd;
  const queue: Uint8Array[] = [];
  lan.open.set(fd, { queue, family });
  return { fd, receive: () => queue.splice(0), close: () => void lan.open.delete(fd) };
}

function deliver(family: 4 | 6, messages: readonly Uint8Array[]): void {
  for (const socket of lan.open.values()) if (socket.family === family) socket.queue.push(...messages);
}
