import { i32be, raw, text } from "../../netlink/codec.ts";
import { nest, type Values } from "../../netlink/fields.ts";

/** enum nft_data_attributes <linux/netfilter/nf_tables.h> */
const NFTA_DATA = { VALUE: 1, VERDICT: 2 } as const;

/** enum nft_verdict_attributes <linux/netfilter/nf_tables.h> */
const NFTA_VERDICT = { CODE: 1, CHAIN: 2 } as const;

/** Final verdicts of a hook for a packet. <linux/netfilter.h> */
export const NF = { DROP: 0, ACCEPT: 1 } as const;

/** Verdicts inside a rule set. enum nft_verdicts <linux/netfilter/nf_tables.h> */
export const NFT = { JUMP: -3, GOTO: -4, RETURN: -5 } as const;

/** The data type of a map whose values are verdicts. enum nft_data_types <linux/netfilter/nf_tables.h> */
export const NFT_DATA = { VERDICT: 0xffffff00 } as const;

const VERDICT = { code: [NFTA_VERDICT.CODE, i32be], chain: [NFTA_VERDICT.CHAIN, text] } as const;

const FIELDS = { value: [NFTA_DATA.VALUE, raw], verdict: [NFTA_DATA.VERDICT, nest(VERDICT)] } as const;

/** The value of a register, a key or an element: bytes, or a verdict (one of NFT or of NF). */
export type Data = Values<typeof FIELDS>;

export const data = nest(FIELDS);
