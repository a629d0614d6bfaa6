import type { Address, Family } from "../../ip/address.ts";
import type { Prefix } from "../../ip/prefix.ts";
import { AF } from "../../linux/socket.ts";
import { payload } from "../struct.ts";
import { RULE_FIELDS } from "./attributes.ts";
import { FR_ACT, ruleHeader } from "./header.ts";

/** A policy rule as the kernel describes it. */
export interface PolicyRule {
  readonly family: Family;
  /** The sources that it is about; undefined for all. */
  readonly source: Prefix | undefined;
  /** RT_TABLE. */
  readonly table: number;
  /** The lowest comes first. */
  readonly priority: number;
  /** RTPROT: who made it; 0 if nobody said so. */
  readonly protocol: number;
  /** Whether it looks at nothing but the source, and leads to a table. */
  readonly isBySource: boolean;
}

/** Encodes and decodes a policy rule. `decode` throws RangeError on malformed input. */
export const { encode: encodeRule, decode: decodeRule } = payload(ruleHeader, RULE_FIELDS);

/** Reads the policy rule in a message from the kernel. @throws RangeError on malformed input */
export function readRule(bytes: Uint8Array): PolicyRule {
  const { header, attributes } = decodeRule(bytes);
  const { source, destination, incoming, outgoing, mark } = attributes;
  const others: readonly unknown[] = [destination, incoming, outgoing, mark];
  return {
    family: header.family === AF.INET ? 4 : 6,
    source: prefixOf(source, header.sourceLength),
    table: attributes.table ?? header.table,
    priority: attributes.priority ?? 0,
    protocol: attributes.protocol ?? 0,
    isBySource: header.action === FR_ACT.TO_TBL && header.tos === 0 && others.every((each) => each === undefined),
  };
}

function prefixOf(address: Address | undefined, length: number): Prefix | undefined {
  return address === undefined ? undefined : { address, length };
}
