/** Registers, which pass values from one expression to the next. enum nft_registers <linux/netfilter/nf_tables.h> */
export const NFT_REG = { VERDICT: 0, 1: 1 } as const;

/** The first of the 4-byte registers. They share their memory with the four 16-byte registers. <linux/netfilter/nf_tables.h> */
const NFT_REG32_00 = 8;

/** NFT_REG_SIZE and NFT_REG32_SIZE: the size in bytes of a register of either kind. <linux/netfilter/nf_tables.h> */
const NFT_REG_SIZE = 16;
const NFT_REG32_SIZE = 4;

/** The register at a byte offset, a multiple of 4, in the shared memory. It has the number that the kernel uses in its answers. */
export function registerAt(offset: number): number {
  return offset % NFT_REG_SIZE === 0 ? NFT_REG[1] + offset / NFT_REG_SIZE : NFT_REG32_00 + offset / NFT_REG32_SIZE;
}
