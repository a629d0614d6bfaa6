import { expect, test } from "vitest";
import { registerAt } from "../../../../src/netfilter/nftables/expression/register.ts";

// NFT_REG_1 to NFT_REG_4 are 1 to 4, NFT_REG32_00 to NFT_REG32_15 are 8 to 23. <linux/netfilter/nf_tables.h>
test.each([
  [0, 1],
  [4, 9],
  [8, 10],
  [12, 11],
  [16, 2],
  [20, 13],
  [32, 3],
  [48, 4],
  [60, 23],
])("registerAt() %d is register %d", (offset, register) => {
  expect(registerAt(offset)).toBe(register);
});
