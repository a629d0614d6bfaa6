import { u8, u32 } from "../codec.ts";
import { struct } from "../struct.ts";

/** What a rule does: it looks a route up in a table. <linux/fib_rules.h> */
export const FR_ACT = { TO_TBL: 1 } as const;

/** sizeof(struct fib_rule_hdr) <linux/fib_rules.h> */
export const RULE_HEADER_SIZE = 12;

/** struct fib_rule_hdr, the header of every message about a policy rule. <linux/fib_rules.h> */
export const ruleHeader = struct("struct fib_rule_hdr", RULE_HEADER_SIZE, {
  family: [0, u8],
  destinationLength: [1, u8],
  sourceLength: [2, u8],
  tos: [3, u8],
  /** RT_TABLE if it fits into 8 bits; the attribute `table` always has it. */
  table: [4, u8],
  /** FR_ACT. */
  action: [7, u8],
  flags: [8, u32],
});
