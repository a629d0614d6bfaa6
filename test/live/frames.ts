import { spawn } from "node:child_process";
import path from "node:path";
import { encodeAddress, parseAddress } from "../../src/ip/address.ts";
import { encodeMac } from "../../src/ip/mac.ts";
import type { Lab } from "../lab.ts";

const PROGRAM = path.join(import.meta.dirname, "frames.py");

export const BROADCAST = "ff:ff:ff:ff:ff:ff";
export const ETHER = { IP: 0x0800, ARP: 0x0806, RARP: 0x8035, VLAN: 0x8100, QINQ: 0x88a8, IP6: 0x86dd } as const;

/** A frame as hexadecimal digits, without the padding that Ethernet wants and a veth does not. */
export function frame(from: string, to: string, type: number, payload: Uint8Array): string {
  return Buffer.concat([encodeMac(to), encodeMac(from), u16(type), payload]).toString("hex");
}

/** An ARP message of IPv4 on Ethernet: `operation` 1 asks, 2 answers. RFC 826 */
export function arp(operation: 1 | 2, sender: readonly [mac: string, ip: string], target: readonly [string, string]) {
  const [mac, ip] = sender;
  const parts = [encodeMac(mac), address(ip), encodeMac(target[0]), address(target[1])];
  return Buffer.concat([Buffer.from("000108000604", "hex"), u16(operation), ...parts]);
}

/** An IPv4 or IPv6 packet that carries a UDP datagram. */
export function udp(
  from: string,
  to: string,
  { ports = [4000, 4000], text = "hello" }: { ports?: readonly [number, number]; text?: string } = {},
) {
  const [source, destination] = ports;
  const data = Buffer.from(text);
  const header = Buffer.concat([u16(source), u16(destination), u16(8 + data.length), u16(0)]);
  return packet(from, to, { protocol: 17, payload: Buffer.concat([header, data]), checksumAt: 6 });
}

/** An IPv4 or IPv6 packet that carries anything else. IPv4's has the option that asks routers to look at it, where that is said. */
export function carrying(
  from: string,
  to: string,
  content: { protocol: number; payload: Uint8Array; before?: Before; alert?: boolean },
) {
  return packet(from, to, { ...content, payload: Buffer.from(content.payload) });
}

/** An IPv6 packet that carries a message of ICMPv6: 4 bytes of its own, `flags` for what is in them, and then the rest. */
export function icmp6(
  type: number,
  from: string,
  to: string,
  { flags = 0, body = Buffer.alloc(0), before }: { flags?: number; body?: Uint8Array; before?: Before } = {},
) {
  const fields = Buffer.alloc(8);
  fields[0] = type;
  fields.writeUInt32BE(flags, 4);
  return packet(from, to, {
    protocol: 58,
    payload: Buffer.concat([fields, body]),
    checksumAt: 2,
    ...(before && { before }),
  });
}

/** A header between IPv6's own and the payload, of what type it is, and what it says the payload is. RFC 8200 */
export interface Before {
  readonly type: 0 | 44 | 51 | 60;
  readonly bytes: Uint8Array;
}

/** The MAC that a message of neighbour discovery tells: option 1 the sender's, 2 the target's. RFC 4861 */
export function linkLayer(option: 1 | 2, mac: string): Buffer {
  return Buffer.concat([Buffer.of(option, 1), encodeMac(mac)]);
}

export function address(text: string): Buffer {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return Buffer.from(encodeAddress(parsed));
}

export function u16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

/** Sends frames out of a link, in their order. */
export function sendFrames(
  lab: Lab,
  frames: readonly string[],
  { netns, link = "eth0" }: { netns: string; link?: string },
): void {
  const { status, stderr } = lab.try(["python3", PROGRAM, "send", link], netns, frames.join("\n"));
  if (status !== 0) throw new Error(`Cannot send frames: ${stderr}`);
}

/** Sends a datagram from a link to each of these addresses, a text each. */
export function sendTexts(
  lab: Lab,
  texts: readonly (readonly [address: string, text: string])[],
  { netns, link = "eth0", port }: { netns: string; link?: string; port: number },
): void {
  const input = texts.map((each) => each.join(" ")).join("\n");
  const { status, stderr } = lab.try(["python3", PROGRAM, "say", link, String(port)], netns, input);
  if (status !== 0) throw new Error(`Cannot send datagrams: ${stderr}`);
}

/** What arrives at a link (frames), or at a UDP port (texts), while `act` runs: until the last that it sends. */
export async function received(
  netns: string,
  what: { link: string; last: string } | { port: number; last: string },
  act: () => void,
): Promise<string[]> {
  const args = "link" in what ? ["watch", what.link, what.last] : ["hear", `${what.port}`, what.last];
  const child = spawn("nsenter", [`--net=${netns}`, "--", "python3", PROGRAM, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let complaints = "";
  child.stderr.on("data", (chunk) => {
    complaints += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk) => {
      out += chunk;
      if (out.startsWith("ready\n")) resolve();
    });
    child.on("close", () => resolve());
  });
  act();
  if ((await ended) !== 0) throw new Error(`Cannot receive: ${complaints}${out}`);
  return out.split("\n").slice(1, -1);
}

interface Content {
  readonly protocol: number;
  readonly payload: Buffer;
  readonly checksumAt?: number;
  readonly before?: Before;
  readonly alert?: boolean;
}

function packet(from: string, to: string, { protocol, payload, checksumAt, before, alert }: Content): Buffer {
  const ends = Buffer.concat([address(from), address(to)]);
  const content = Buffer.from(payload);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  // Both families' pseudo headers come to the same sum.
  const sum = checksum(Buffer.concat([ends, length, Buffer.of(0, protocol), content])) || 0xffff;
  if (checksumAt !== undefined) content.writeUInt16BE(sum, checksumAt);
  if (ends.length === 32) {
    const all = Buffer.concat([before?.bytes ?? Buffer.alloc(0), content]);
    const hopLimit = 255;
    return Buffer.concat([
      Buffer.of(0x60, 0, 0, 0),
      u16(all.length),
      Buffer.of(before?.type ?? protocol, hopLimit),
      ends,
      all,
    ]);
  }
  const options = alert === true ? Buffer.of(0x94, 4, 0, 0) : Buffer.alloc(0);
  const header = Buffer.concat([
    Buffer.of(0x45 + options.length / 4, 0),
    u16(20 + options.length + content.length),
    Buffer.of(0, 1, 0, 0, 64, protocol, 0, 0),
    ends,
    options,
  ]);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, content]);
}

/** RFC 1071 */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes.readUInt8(i) * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
