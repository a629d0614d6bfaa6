import { address, text, u8, u32 } from "../codec.ts";

/** Attributes of a policy rule. <linux/fib_rules.h> */
const FRA = {
  DST: 1,
  SRC: 2,
  IIFNAME: 3,
  PRIORITY: 6,
  FWMARK: 10,
  TABLE: 15,
  OIFNAME: 17,
  PROTOCOL: 21,
} as const;

/** The attributes of a policy rule that we use. */
export const RULE_FIELDS = {
  destination: [FRA.DST, address],
  source: [FRA.SRC, address],
  incoming: [FRA.IIFNAME, text],
  priority: [FRA.PRIORITY, u32],
  mark: [FRA.FWMARK, u32],
  table: [FRA.TABLE, u32],
  outgoing: [FRA.OIFNAME, text],
  protocol: [FRA.PROTOCOL, u8],
} as const;
