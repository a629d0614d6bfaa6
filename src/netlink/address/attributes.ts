import { address, text, u32 } from "../codec.ts";

/** Attributes of an address. <linux/if_addr.h> */
const IFA = { ADDRESS: 1, LOCAL: 2, LABEL: 3, BROADCAST: 4, FLAGS: 8 } as const;

/** Flags of an address. <linux/if_addr.h> */
export const IFA_F = { NODAD: 0x2, DADFAILED: 0x8, TENTATIVE: 0x40, NOPREFIXROUTE: 0x200 } as const;

/** The attributes of an address that we use. On a point-to-point link `address` is the peer's address, otherwise it equals `local`. */
export const ADDRESS_FIELDS = {
  address: [IFA.ADDRESS, address],
  local: [IFA.LOCAL, address],
  label: [IFA.LABEL, text],
  broadcast: [IFA.BROADCAST, address],
  flags: [IFA.FLAGS, u32],
} as const;
