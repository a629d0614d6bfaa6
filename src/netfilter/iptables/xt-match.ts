import { viewOf } from "../../netlink/bytes.ts";
import { raw, text } from "../../netlink/codec.ts";
import { decodeFields } from "../../netlink/fields.ts";

/** enum nft_match_attributes, and the same for targets. <linux/netfilter/nf_tables_compat.h> */
const NFTA_MATCH = { NAME: 1, INFO: 3 } as const;

const MATCH_FIELDS = { name: [NFTA_MATCH.NAME, text], info: [NFTA_MATCH.INFO, raw] } as const;

/** Where struct xt_conntrack_mtinfo3 has its u16 match_flags, invert_flags and state_mask, and the size up to there: linux/netfilter/xt_conntrack.h */
const MTINFO = { matchFlags: 146, invertFlags: 148, stateMask: 150, size: 152 } as const;

/** What of a connection is looked at. <linux/netfilter/xt_conntrack.h> */
const XT_CONNTRACK_STATE = 0x1;

/** XT_CONNTRACK_STATE_BIT of IP_CT_ESTABLISHED and IP_CT_RELATED. <linux/netfilter/xt_conntrack.h> */
const RELATED_ESTABLISHED = 0x2 | 0x4;

/** The bit of what has another destination than it was sent to. <linux/netfilter/xt_conntrack.h> */
const XT_CONNTRACK_STATE_DNAT = 0x80;

/** What a match of iptables asks for, as far as the firewall plugins' rules do. */
export interface XtMatch {
  readonly established?: true;
  readonly translated?: true;
  readonly comment?: string;
}

/** A match or a target of iptables: its name, and its structure in the kernel. */
export interface XtExtension {
  readonly name: string;
  readonly info: Uint8Array;
}

/** The one that is inside a rule of nf_tables. @throws RangeError on malformed input */
export function decodeExtension(bytes: Uint8Array): XtExtension {
  const { name = "", info = new Uint8Array() } = decodeFields(MATCH_FIELDS, bytes);
  return { name, info };
}

/** Reads a match by its name and its structure in the kernel; undefined where it asks for anything else. */
export function readMatch({ name, info }: XtExtension): XtMatch | undefined {
  // struct xt_comment_info is a text with a NUL behind it. <linux/netfilter/xt_comment.h>
  if (name === "comment") return { comment: text.decode(info) };
  if (name !== "conntrack") return undefined;
  const states = statesOf(info);
  if (states === RELATED_ESTABLISHED) return { established: true };
  return states === XT_CONNTRACK_STATE_DNAT ? { translated: true } : undefined;
}

/** The states that a match of conntrack asks for, where it asks for nothing else. */
function statesOf(info: Uint8Array): number | undefined {
  if (info.length < MTINFO.size) return undefined;
  const view = viewOf(info);
  const asksForStates =
    view.getUint16(MTINFO.matchFlags, true) === XT_CONNTRACK_STATE && view.getUint16(MTINFO.invertFlags, true) === 0;
  return asksForStates ? view.getUint16(MTINFO.stateMask, true) : undefined;
}
