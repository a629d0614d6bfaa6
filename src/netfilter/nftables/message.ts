import type { Request } from "../../netlink/answers.ts";
import { NFNL_SUBSYS } from "../../netlink/nfnetlink.ts";

/** Kinds of message. enum nf_tables_msg_types <linux/netfilter/nf_tables.h> */
export const NFT_MSG = {
  NEWTABLE: 0,
  GETTABLE: 1,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  DELCHAIN: 5,
  NEWRULE: 6,
  GETRULE: 7,
  DELRULE: 8,
  NEWSET: 9,
  GETSET: 10,
  DELSET: 11,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
  NEWGEN: 15,
  GETGEN: 16,
} as const;

/** A request to nf_tables: `kind` is one of NFT_MSG, `payload` what encodeNfgenmsg made, `flags` are NLM_F. */
export function nftRequest(kind: number, request: { payload: Uint8Array; flags?: number; action: string }): Request {
  const { payload, flags = 0, action } = request;
  return { type: (NFNL_SUBSYS.NFTABLES << 8) | kind, flags, payload, action };
}
