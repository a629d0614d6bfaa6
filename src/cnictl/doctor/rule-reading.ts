import { type Data, NF, NFT } from "../../netfilter/nftables/data.ts";
import type { Element } from "../../netfilter/nftables/element.ts";
import { NFT_CMP } from "../../netfilter/nftables/expression/cmp.ts";
import { NFT_LOOKUP_F } from "../../netfilter/nftables/expression/lookup.ts";
import { NFT_REG } from "../../netfilter/nftables/expression/register.ts";
import type { Expression } from "../../netfilter/nftables/expression.ts";
import type { Rule } from "../../netfilter/nftables/rule.ts";
import {
  type Answer,
  connectionField,
  type ForwardedPacket,
  metaField,
  type PacketField,
  UNKNOWN,
} from "./packet-field.ts";

/** What a rule does with a packet. `applies` says whether it does; it is not false. */
export interface Step {
  readonly applies: Answer;
  readonly verdict: Verdict;
}

/** "other" may accept the packet or not, such as a queue. */
export type Verdict = "accept" | "drop" | "return" | "other" | { readonly jump: string } | { readonly goto: string };

/** The elements of a set of the rule's table, by name. */
export type ReadSet = (name: string) => readonly Element[];

/** Expressions of a kind that we do not decode, and that neither ask nor decide anything. */
const NEUTRAL: readonly string[] = ["counter", "log", "notrack", "flow_offload"];

/** The verdict that continues with the next rule. enum nft_verdicts <linux/netfilter/nf_tables.h> */
const NFT_CONTINUE = -1;

const VERDICTS: Readonly<Record<number, Verdict>> = {
  [NF.ACCEPT]: "accept",
  [NF.DROP]: "drop",
  [NFT.RETURN]: "return",
};

/** What a rule does with a packet, in order: several steps for a map of verdicts, none if it decides nothing. */
export function readRule({ expressions = [] }: Rule, packet: ForwardedPacket, readSet: ReadSet): readonly Step[] {
  const registers = new Registers(packet);
  const steps: Step[] = [];
  let applies: Answer = true;
  for (const each of expressions) {
    applies = both(applies, asks(each, registers, readSet));
    for (const step of decide(each, registers, readSet)) steps.push({ ...step, applies: both(applies, step.applies) });
    registers.load(each);
  }
  return steps.filter((step) => step.applies !== false);
}

/** What the expressions of a rule have loaded so far. */
class Registers {
  readonly #packet: ForwardedPacket;
  readonly #fields = new Map<number, PacketField>();

  constructor(packet: ForwardedPacket) {
    this.#packet = packet;
  }

  at(register: number | undefined): PacketField {
    return this.#fields.get(register ?? NFT_REG.VERDICT) ?? UNKNOWN;
  }

  load(each: Expression): void {
    if (each.name === "other") this.#fields.clear();
    else if ("dreg" in each.data && each.data.dreg !== undefined) this.#fields.set(each.data.dreg, this.#read(each));
  }

  #read(each: Expression): PacketField {
    switch (each.name) {
      case "meta":
        return metaField(each.data.key, this.#packet);
      case "ct":
        return connectionField(each.data.key, this.#packet);
      case "bitwise": {
        const { sreg, mask, xor } = each.data;
        const isMask = mask?.value !== undefined && (xor?.value ?? []).every((byte) => byte === 0);
        return isMask ? this.at(sreg).masked(mask.value) : UNKNOWN;
      }
      default:
        return UNKNOWN;
    }
  }
}

/** Whether the packet passes an expression. One that only loads or decides lets it pass. */
function asks(each: Expression, registers: Registers, readSet: ReadSet): Answer {
  switch (each.name) {
    case "cmp": {
      const { sreg, operation, data } = each.data;
      const found = registers.at(sreg).matches(data?.value ?? new Uint8Array());
      if (operation === NFT_CMP.EQ) return found;
      return operation === NFT_CMP.NEQ ? not(found) : undefined;
    }
    case "lookup": {
      const { sreg, set = "", dreg, flags = 0 } = each.data;
      if (dreg !== undefined) return dreg === NFT_REG.VERDICT ? true : undefined;
      const found = isAmong(registers.at(sreg), set, readSet);
      return (flags & NFT_LOOKUP_F.INV) === 0 ? found : not(found);
    }
    case "other":
      return [...NEUTRAL, "reject", "queue"].includes(each.kind) ? true : undefined;
    default:
      return true;
  }
}

/** A set of what is not known is not read, because it may be large. */
function isAmong(field: PacketField, set: string, readSet: ReadSet): Answer {
  if (field === UNKNOWN) return undefined;
  const found = readSet(set).map((element) => isElement(field, element));
  if (found.includes(true)) return true;
  return found.includes(undefined) ? undefined : false;
}

/** An element with flags is the end of an interval, or stands for all others. */
function isElement({ matches }: PacketField, { key, flags = 0 }: Element): Answer {
  return flags === 0 && key?.value !== undefined ? matches(key.value) : undefined;
}

function decide(each: Expression, registers: Registers, readSet: ReadSet): readonly Step[] {
  switch (each.name) {
    case "immediate":
      return stepOf(true, each.data.data?.verdict);
    case "lookup": {
      if (each.data.dreg !== NFT_REG.VERDICT) return [];
      const field = registers.at(each.data.sreg);
      return readSet(each.data.set ?? "").flatMap((each) => stepOf(isElement(field, each), each.data?.verdict));
    }
    case "other":
      if (each.kind === "reject") return [{ applies: true, verdict: "drop" }];
      return each.kind === "queue" ? [{ applies: true, verdict: "other" }] : [];
    default:
      return [];
  }
}

function stepOf(applies: Answer, verdict: Data["verdict"]): readonly Step[] {
  const { code = NFT_CONTINUE, chain = "" } = verdict ?? {};
  switch (code) {
    case NFT_CONTINUE:
      return [];
    case NFT.JUMP:
      return [{ applies, verdict: { jump: chain } }];
    case NFT.GOTO:
      return [{ applies, verdict: { goto: chain } }];
    default:
      return [{ applies, verdict: VERDICTS[code] ?? "other" }];
  }
}

/** Whether both are so. */
function both(one: Answer, other: Answer): Answer {
  if (one === false || other === false) return false;
  return one === undefined || other === undefined ? undefined : true;
}

function not(answer: Answer): Answer {
  return answer === undefined ? undefined : !answer;
}
