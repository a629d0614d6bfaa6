import { raw, text } from "../codec.ts";

/** Attributes of a qdisc or a filter. <linux/rtnetlink.h> */
export const TCA = { KIND: 1, OPTIONS: 2 } as const;

/** The attributes of a qdisc that we use. `options` are those of its kind, TBF_FIELDS for a token bucket filter. */
export const QDISC_FIELDS = { kind: [TCA.KIND, text], options: [TCA.OPTIONS, raw] } as const;
