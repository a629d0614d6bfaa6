import { formatPrefix, isSamePrefix } from "../../src/ip/prefix.ts";
import { AF } from "../../src/linux/socket.ts";
import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { encodeFamily } from "../../src/netlink/family.ts";
import { NLM_F } from "../../src/netlink/message.ts";
import { RT_TABLE } from "../../src/netlink/route/header.ts";
import { RTM } from "../../src/netlink/rtnetlink.ts";
import { FR_ACT } from "../../src/netlink/rule/header.ts";
import { decodeRule, encodeRule, type PolicyRule, readRule } from "../../src/netlink/rule/message.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import type { Answer } from "./answer.ts";
import type { FakeNamespace } from "./namespace.ts";
import { Refusal } from "./refusal.ts";

/** Who made the rules that every namespace begins with. RTPROT_KERNEL of linux/rtnetlink.h */
const KERNEL = 2;

/** The table behind main, which nobody uses. RT_TABLE_DEFAULT of linux/rtnetlink.h */
const LAST = 253;

/** The rules that every namespace begins with. */
export function firstRules(): readonly PolicyRule[] {
  const rule = (family: 4 | 6, priority: number, table: number): PolicyRule => {
    return { family, source: undefined, table, priority, protocol: KERNEL, isBySource: true };
  };
  const [local, main] = [RT_TABLE.LOCAL, RT_TABLE.MAIN];
  return [
    ...[rule(4, 0, local), rule(4, 32_766, main), rule(4, 32_767, LAST)],
    ...[rule(6, 0, local), rule(6, 32_766, main)],
  ];
}

/** RTM_NEWRULE. @throws Refusal EEXIST for the same one with NLM_F_EXCL, EINVAL without a table */
export function requestNewPolicy(namespace: FakeNamespace, { payload, flags }: NetlinkRequest): void {
  const rule = readRule(payload);
  if (decodeRule(payload).header.sourceLength > (rule.family === 4 ? 32 : 128)) throw new Refusal(ERRNO.EINVAL);
  if (rule.table === RT_TABLE.UNSPEC) throw new Refusal(ERRNO.EINVAL);
  if ((flags & NLM_F.EXCL) !== 0 && namespace.policy.some((each) => isSame(each, rule)))
    throw new Refusal(ERRNO.EEXIST);
  namespace.policy = [...namespace.policy, rule].sort((a, b) => a.priority - b.priority);
}

/** RTM_DELRULE. @throws Refusal ENOENT */
export function requestDeletePolicy(namespace: FakeNamespace, { payload }: NetlinkRequest): void {
  const found = namespace.policy.find((each) => isSame(each, readRule(payload)));
  if (found === undefined) throw new Refusal(ERRNO.ENOENT);
  namespace.policy = namespace.policy.filter((each) => each !== found);
}

/** RTM_GETRULE: the rules of a family, in their order. */
export function requestPolicy(namespace: FakeNamespace, { payload }: NetlinkRequest): readonly Answer[] {
  const family = decodeRule(payload).header.family === AF.INET ? 4 : 6;
  return namespace.policy
    .filter((rule) => rule.family === family)
    .map((rule) => ({ type: RTM.NEWRULE, payload: describe(rule) }));
}

/** A rule in words, for a picture of a namespace. */
export function formatPolicy({ family, source, table, priority, protocol }: PolicyRule): string {
  const from = source === undefined ? "all" : formatPrefix(source);
  return `IPv${family} ${priority}: from ${from} lookup ${table} protocol ${protocol}`;
}

function isSame(a: PolicyRule, b: PolicyRule): boolean {
  const isSameSource =
    a.source === undefined || b.source === undefined ? a.source === b.source : isSamePrefix(a.source, b.source);
  return (
    isSameSource &&
    a.family === b.family &&
    a.table === b.table &&
    a.priority === b.priority &&
    (b.protocol === 0 || a.protocol === b.protocol)
  );
}

function describe({ family, source, table, priority, protocol }: PolicyRule): Uint8Array {
  return encodeRule({
    header: {
      family: encodeFamily(family),
      sourceLength: source?.length ?? 0,
      table: table > 0xff ? RT_TABLE.COMPAT : table,
      action: FR_ACT.TO_TBL,
    },
    attributes: { source: source?.address, priority: priority === 0 ? undefined : priority, table, protocol },
  });
}
