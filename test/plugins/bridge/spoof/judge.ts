import type { Data } from "../../../../src/netfilter/nftables/data.ts";
import { NF, NFT } from "../../../../src/netfilter/nftables/data.ts";
import { NFT_CMP } from "../../../../src/netfilter/nftables/expression/cmp.ts";
import { NFT_META } from "../../../../src/netfilter/nftables/expression/meta.ts";
import { NFT_PAYLOAD } from "../../../../src/netfilter/nftables/expression/payload.ts";
import type { Expression } from "../../../../src/netfilter/nftables/expression.ts";
import type { RuleSet } from "../../../../src/netfilter/nftables/rule-set.ts";
import type { OwnedElement } from "../../../../src/netfilter/owned-elements.ts";
import { u32 } from "../../../../src/netlink/codec.ts";
import { type Packet, readPacket } from "./packet.ts";

/** The 4-byte registers are numbered from here, the 16-byte ones from 1: both are the same memory. <linux/netfilter/nf_tables.h> */
const NFT_REG32_00 = 8;

/** A rule set with elements in its sets, and the link index of the port that a frame comes from. */
export interface Court {
  readonly rules: RuleSet;
  readonly elements: readonly OwnedElement[];
  readonly port: number;
}

/** Whether the chains from `entry` on let a frame through, given as hexadecimal digits. What no rule stops passes. */
export function passes(court: Court, entry: string, frame: string): boolean {
  const packet = readPacket(Buffer.from(frame, "hex"));
  for (let name: string | undefined = entry; name !== undefined; ) {
    const verdict = judge(court, packet, name);
    if (verdict?.code === NF.ACCEPT) return true;
    if (verdict?.code === NF.DROP) return false;
    if (verdict !== undefined && verdict.code !== NFT.GOTO) throw new Error(`Unknown verdict ${verdict.code}`);
    name = verdict?.chain;
  }
  return true;
}

type Verdict = Data["verdict"];

/** The verdict of the first rule of a chain that has one. */
function judge(court: Court, packet: Packet, name: string): Verdict {
  const chain = court.rules.chains.find((each) => each.name === name);
  if (chain === undefined) throw new Error(`There is no chain ${name}`);
  for (const { expressions } of chain.rules()) {
    const verdict = run(court, packet, expressions);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

/** Runs one rule until it has a verdict, or does not match. */
function run(court: Court, packet: Packet, expressions: readonly Expression[]): Verdict {
  const memory = Buffer.alloc(64);
  for (const expression of expressions) {
    const outcome = step(court, packet, { memory, expression });
    if (outcome === false) return undefined;
    if (outcome !== true) return outcome;
  }
  return undefined;
}

/** The verdict, or whether the rule goes on. */
function step(
  court: Court,
  packet: Packet,
  { memory, expression }: { memory: Buffer; expression: Expression },
): Verdict | boolean {
  switch (expression.name) {
    case "meta":
      return put(memory, expression.data.dreg, metaOf(court, packet, expression.data.key));
    case "payload": {
      const { base = 0, offset = 0, length = 0, dreg } = expression.data;
      return put(memory, dreg, cut(startOf(packet, base), offset, length));
    }
    case "exthdr": {
      const { offset = 0, length = 0, dreg } = expression.data;
      return put(memory, dreg, cut(packet.fragmentHeader, offset, length));
    }
    case "bitwise": {
      const { sreg, dreg, length = 0, mask, xor } = expression.data;
      const [bits, flips] = [bytesOf(mask), bytesOf(xor)];
      const value = at(memory, sreg).subarray(0, length);
      return put(memory, dreg, Buffer.from(value.map((byte, n) => (byte & (bits[n] ?? 0)) ^ (flips[n] ?? 0))));
    }
    case "cmp": {
      const value = bytesOf(expression.data.data);
      const isEqual = at(memory, expression.data.sreg).subarray(0, value.length).equals(value);
      return isEqual === ((expression.data.operation ?? NFT_CMP.EQ) === NFT_CMP.EQ);
    }
    case "lookup": {
      const { set, sreg, dreg } = expression.data;
      const found = court.elements.find((each) => {
        const key = bytesOf(each.element.key);
        return each.set.name === set && at(memory, sreg).subarray(0, key.length).equals(key);
      });
      return found === undefined ? false : dreg === undefined ? true : found.element.data?.verdict;
    }
    case "immediate":
      return expression.data.data?.verdict;
    default:
      throw new Error(`Unknown expression ${expression.name}`);
  }
}

/** Writes bytes into a register, with zeros up to the next one. False where there are none. */
function put(memory: Buffer, register: number | undefined, bytes: Buffer | undefined): boolean {
  if (bytes === undefined) return false;
  at(memory, register).fill(0, 0, Math.ceil(bytes.length / 4) * 4);
  bytes.copy(at(memory, register));
  return true;
}

function at(memory: Buffer, register = 0): Buffer {
  return memory.subarray(register < NFT_REG32_00 ? (register - 1) * 16 : (register - NFT_REG32_00) * 4);
}

function bytesOf(data: Data | undefined): Buffer {
  return Buffer.from(data?.value ?? []);
}

function metaOf({ port }: Court, { type, protocol }: Packet, key: number | undefined): Buffer | undefined {
  if (key === NFT_META.IIF) return Buffer.from(u32.encode(port));
  if (key === NFT_META.PROTOCOL) return Buffer.of(type >> 8, type & 0xff);
  if (key === NFT_META.L4PROTO) return protocol === undefined ? undefined : Buffer.of(protocol);
  throw new Error(`Unknown key ${key} of meta`);
}

function startOf({ frame, network, transport }: Packet, base: number): Buffer | undefined {
  if (base === NFT_PAYLOAD.LL_HEADER) return frame;
  return base === NFT_PAYLOAD.NETWORK_HEADER ? network : transport;
}

/** Undefined where the packet is shorter. */
function cut(bytes: Buffer | undefined, offset: number, length: number): Buffer | undefined {
  return bytes === undefined || bytes.length < offset + length ? undefined : bytes.subarray(offset, offset + length);
}
