import { i32, u8, u16, u32 } from "../codec.ts";
import { struct } from "../struct.ts";

/** Flags of a link. <linux/if.h> */
export const IFF = {
  UP: 0x1,
  NOARP: 0x80,
  PROMISC: 0x100,
  ALLMULTI: 0x200,
  MULTICAST: 0x1000,
  DYNAMIC: 0x8000,
} as const;

/** sizeof(struct ifinfomsg) <linux/rtnetlink.h> */
export const LINK_HEADER_SIZE = 16;

/** struct ifinfomsg, the header of every message about a link. <linux/rtnetlink.h> */
export const linkHeader = struct("struct ifinfomsg", LINK_HEADER_SIZE, {
  family: [0, u8],
  /** ARPHRD_*, 1 for Ethernet. */
  type: [2, u16],
  index: [4, i32],
  /** IFF bits. A request sets the bits of `change` to these values. */
  flags: [8, u32],
  change: [12, u32],
});
