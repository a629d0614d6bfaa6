import { i32, u32 } from "../codec.ts";

/** Attributes of a message about the number of a namespace. <linux/net_namespace.h> */
const NETNSA = { NSID: 1, FD: 3 } as const;

/** A namespace that has no number. <linux/net_namespace.h> */
export const NETNSA_NSID_NOT_ASSIGNED = -1;

/** The attributes of a namespace that we use. */
export const NETNS_FIELDS = { id: [NETNSA.NSID, i32], fd: [NETNSA.FD, u32] } as const;
