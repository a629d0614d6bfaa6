/** Registers, which carry values from one expression to the next. enum nft_registers <linux/netfilter/nf_tables.h> */
export const NFT_REG = { VERDICT: 0, 1: 1 } as const;
