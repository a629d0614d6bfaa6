import { u8, u32 } from "../codec.ts";
import { struct } from "../struct.ts";

/** sizeof(struct ifaddrmsg) <linux/if_addr.h> */
export const ADDRESS_HEADER_SIZE = 8;

/** struct ifaddrmsg, the header of every message about an address. <linux/if_addr.h> */
export const addressHeader = struct("struct ifaddrmsg", ADDRESS_HEADER_SIZE, {
  family: [0, u8],
  prefixLength: [1, u8],
  /** The IFA_F bits that fit into 8 bits; the attribute `flags` has all of them. */
  flags: [2, u8],
  /** RT_SCOPE. */
  scope: [3, u8],
  /** The link's index. */
  index: [4, u32],
});
