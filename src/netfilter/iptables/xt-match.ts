import { viewOf } from "../../netlink/bytes.ts";
import { raw, text } from "../../netlink/codec.ts";
import { decoderOf } from "../../netlink/fields.ts";

/** enum nft_match_attributes; enum nft_target_attributes has equal values. <linux/netfilter/nf_tables_compat.h> */
const NFTA_MATCH = { NAME: 1, INFO: 3 } as const;

const decodeMatch = decoderOf({ name: [NFTA_MATCH.NAME, text], info: [NFTA_MATCH.INFO, raw] });

/**
 * Offsets in struct xt_conntrack_mtinfo3 of the u16 fields match_flags, invert_flags and state_mask, and the size up to their end:
 * linux/netfilter/xt_conntrack.h
 */
const MTINFO = { matchFlags: 146, invertFlags: 148, stateMask: 150, size: 152 } as const;

/** The match is on the connection's state. <linux/netfilter/xt_conntrack.h> */
const XT_CONNTRACK_STATE = 0x1;

/** XT_CONNTRACK_STATE_BIT of IP_CT_ESTABLISHED and IP_CT_RELATED. <linux/netfilter/xt_conntrack.h> */
const RELATED_ESTABLISHED = 0x2 | 0x4;

/** The state bit of a connection with a translated destination. <linux/netfilter/xt_conntrack.h> */
const XT_CONNTRACK_STATE_DNAT = 0x80;

/** The condition of an iptables match, as far as the firewall plugins' rules use it. */
export interface XtMatch {
  readonly established?: true;
  readonly translated?: true;
  readonly comment?: string;
}

/** A match or a target of iptables: its name and its kernel struct. */
export interface XtExtension {
  readonly name: string;
  readonly info: Uint8Array;
}

/** Reads the iptables extension inside an nf_tables rule. @throws RangeError on malformed input */
export function decodeExtension(bytes: Uint8Array): XtExtension {
  const { name = "", info = new Uint8Array() } = decodeMatch(bytes);
  return { name, info };
}

/** Reads a match from its name and its kernel struct; undefined if it has another condition. */
export function readMatch({ name, info }: XtExtension): XtMatch | undefined {
  // struct xt_comment_info is a text that ends with a NUL. <linux/netfilter/xt_comment.h>
  if (name === "comment") return { comment: text.decode(info) };
  if (name !== "conntrack") return undefined;
  const states = statesOf(info);
  if (states === RELATED_ESTABLISHED) return { established: true };
  return states === XT_CONNTRACK_STATE_DNAT ? { translated: true } : undefined;
}

/** The states that a conntrack match tests; undefined if it tests anything else. */
function statesOf(info: Uint8Array): number | undefined {
  if (info.length < MTINFO.size) return undefined;
  const view = viewOf(info);
  const asksForStates =
    view.getUint16(MTINFO.matchFlags, true) === XT_CONNTRACK_STATE && view.getUint16(MTINFO.invertFlags, true) === 0;
  return asksForStates ? view.getUint16(MTINFO.stateMask, true) : undefined;
}
