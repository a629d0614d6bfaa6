import { formatPrefix, type Prefix } from "../../ip/prefix.ts";
import { encodeFamily } from "../family.ts";
import { NLM_F } from "../message.ts";
import { RT_TABLE } from "../route/header.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { FR_ACT } from "./header.ts";
import { encodeRule } from "./message.ts";

/** A rule that sends packets from some sources to a table. */
export interface SourceRule {
  readonly source: Prefix;
  /** RT_TABLE. */
  readonly table: number;
  readonly priority: number;
  /** RTPROT. */
  readonly protocol: number;
}

/**
 * Adds a policy rule, like `ip rule add from SOURCE lookup TABLE priority PRIORITY protocol PROTOCOL`. @throws NetlinkError EEXIST if
 * there is the same one, EAFNOSUPPORT or EOPNOTSUPP if the kernel has no policy rules
 */
export function addRule(netlink: Rtnetlink, rule: SourceRule): void {
  const flags = NLM_F.CREATE | NLM_F.EXCL | NLM_F.ACK;
  const payload = describeRule(rule, { action: FR_ACT.TO_TBL });
  netlink.request({ type: RTM.NEWRULE, flags, payload, action: `add ${nameRule(rule)}` });
}

/** Deletes a policy rule, like `ip rule delete …`. @throws NetlinkError ENOENT if there is none */
export function deleteRule(netlink: Rtnetlink, rule: SourceRule): void {
  const action = `delete ${nameRule(rule)}`;
  netlink.request({ type: RTM.DELRULE, flags: NLM_F.ACK, payload: describeRule(rule), action });
}

function describeRule(
  { source, table, priority, protocol }: SourceRule,
  { action }: { action?: number } = {},
): Uint8Array {
  return encodeRule({
    header: {
      family: encodeFamily(source.address.family),
      sourceLength: source.length,
      table: table > 0xff ? RT_TABLE.UNSPEC : table,
      ...(action !== undefined && { action }),
    },
    attributes: { source: source.address, priority, table: table > 0xff ? table : undefined, protocol },
  });
}

/** A rule in words, for errors. */
function nameRule({ source, table }: SourceRule): string {
  return `rule from ${formatPrefix(source)} lookup ${table}`;
}
