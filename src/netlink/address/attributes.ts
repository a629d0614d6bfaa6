import { address, text, u32 } from "../codec.ts";
import { struct } from "../struct.ts";

/** Attributes of an address. <linux/if_addr.h> */
const IFA = { ADDRESS: 1, LOCAL: 2, LABEL: 3, BROADCAST: 4, CACHEINFO: 6, FLAGS: 8 } as const;

/** Flags of an address. <linux/if_addr.h> */
export const IFA_F = {
  TEMPORARY: 0x1,
  NODAD: 0x2,
  HOMEADDRESS: 0x10,
  DADFAILED: 0x8,
  TENTATIVE: 0x40,
  MANAGETEMPADDR: 0x100,
  NOPREFIXROUTE: 0x200,
  MCAUTOJOIN: 0x400,
} as const;

/** sizeof(struct ifa_cacheinfo) <linux/if_addr.h> */
const CACHEINFO_SIZE = 16;

/**
 * struct ifa_cacheinfo: how long an address is for new connections and how long it is there, in seconds, and when it was made and
 * changed, by the kernel's clock. <linux/if_addr.h>
 */
const lifetime = struct("struct ifa_cacheinfo", CACHEINFO_SIZE, {
  preferred: [0, u32],
  valid: [4, u32],
  created: [8, u32],
  updated: [12, u32],
});

/** The attributes of an address that we use. On a point-to-point link `address` is the peer's address, otherwise it equals `local`. */
export const ADDRESS_FIELDS = {
  address: [IFA.ADDRESS, address],
  local: [IFA.LOCAL, address],
  label: [IFA.LABEL, text],
  broadcast: [IFA.BROADCAST, address],
  flags: [IFA.FLAGS, u32],
  lifetime: [IFA.CACHEINFO, lifetime],
} as const;
