/** Registers, which carry values from one expression to the next. enum nft_registers <linux/netfilter/nf_tables.h> */
export const NFT_REG = { VERDICT: 0, 1: 1 } as const;

/** The first of the registers of 4 bytes, which are the same memory as the four of 16. <linux/netfilter/nf_tables.h> */
const NFT_REG32_00 = 8;

/** NFT_REG_SIZE and NFT_REG32_SIZE: bytes of a register of either kind. <linux/netfilter/nf_tables.h> */
const NFT_REG_SIZE = 16;
const NFT_REG32_SIZE = 4;

/** The register that begins so many bytes into their memory, a multiple of 4, by the name that the kernel gives it in answers. */
export function registerAt(offset: number): number {
  return offset % NFT_REG_SIZE === 0 ? NFT_REG[1] + offset / NFT_REG_SIZE : NFT_REG32_00 + offset / NFT_REG32_SIZE;
}
