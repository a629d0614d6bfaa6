import { raw, text, u32 } from "../codec.ts";
import { nest } from "../fields.ts";
import { TCA } from "../qdisc/attributes.ts";
import { struct } from "../struct.ts";

/** Attributes of a u32 filter. <linux/pkt_cls.h> */
const TCA_U32 = { CLASSID: 1, SEL: 5, ACT: 7 } as const;

/** Flags of a u32 filter: the filter is final. <linux/pkt_cls.h> */
const TC_U32 = { TERMINAL: 1 } as const;

/** Attributes of an action. <linux/pkt_cls.h> */
const TCA_ACT = { KIND: 1, OPTIONS: 2 } as const;

/** Attributes of the action that sends packets to another link. <linux/tc_act/tc_mirred.h> */
const TCA_MIRRED = { PARMS: 2 } as const;

/** sizeof(struct tc_mirred) <linux/tc_act/tc_mirred.h> */
const MIRRED_SIZE = 28;

/**
 * struct tc_u32_sel with one struct tc_u32_key whose mask is 0, so it matches every packet. Its first byte has the flags, its third
 * byte the number of keys. <linux/pkt_cls.h>
 */
export const EVERY_PACKET = Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? TC_U32.TERMINAL : at === 2 ? 1 : 0));

/** struct tc_mirred: the target of the packets, and their handling on this link. <linux/tc_act/tc_mirred.h> */
const mirred = struct("struct tc_mirred", MIRRED_SIZE, {
  index: [0, u32],
  capabilities: [4, u32],
  /** TC_ACT. */
  action: [8, u32],
  references: [12, u32],
  bindings: [16, u32],
  /** TCA_EGRESS for the egress of a link. */
  direction: [20, u32],
  /** The other link's index. */
  link: [24, u32],
});

/** An action. `options` are those of its kind, MIRRED_FIELDS for "mirred". */
const ACTION_FIELDS = {
  kind: [TCA_ACT.KIND, text],
  options: [TCA_ACT.OPTIONS, { ...raw, nested: true }],
} as const;

export const MIRRED_FIELDS = { parameters: [TCA_MIRRED.PARMS, mirred] } as const;

/** A u32 filter. The attribute types of its actions are their numbers; ours has one. */
export const U32_FIELDS = {
  classId: [TCA_U32.CLASSID, u32],
  actions: [TCA_U32.ACT, nest({ first: [1, nest(ACTION_FIELDS, false)] }, false)],
  selector: [TCA_U32.SEL, raw],
} as const;

/** The attributes of a filter that we use. `options` are those of its kind, U32_FIELDS for "u32". */
export const FILTER_FIELDS = { kind: [TCA.KIND, text], options: [TCA.OPTIONS, raw] } as const;
