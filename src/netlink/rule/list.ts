import type { Family } from "../../ip/address.ts";
import { encodeFamily } from "../family.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { encodeRule, type PolicyRule, readRule } from "./message.ts";

/** The policy rules of a family, in their order, like `ip rule show`. @throws NetlinkError EOPNOTSUPP if the kernel has none */
export function listRules(netlink: Rtnetlink, family: Family): readonly PolicyRule[] {
  const payload = encodeRule({ header: { family: encodeFamily(family) }, attributes: {} });
  const action = `list the IPv${family} rules`;
  const messages = netlink.request({ type: RTM.GETRULE, flags: NLM_F.DUMP, payload, action });
  return messages.map((message) => readRule(message.payload));
}
