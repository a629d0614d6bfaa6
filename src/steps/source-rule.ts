import { type Address, isSameAddress } from "../ip/address.ts";
import { isSingle } from "../ip/prefix.ts";
import type { PolicyRule } from "../netlink/rule/message.ts";

/** Who made the rules of `sbr`, and the routes that were not there before: RTPROT, a number that no routing daemon has. */
export const PROTOCOL = 67;

/**
 * The priorities of these rules. One says that the rule's table was chosen for it, and has routes that were in main; the other that the
 * configuration gave the table.
 */
export const PRIORITY = { chosen: 20_000, given: 20_001 } as const;

/** The protocol of the Go plugin's rules: it names nobody. RTPROT_UNSPEC of linux/rtnetlink.h */
const UNSPEC = 0;

/** Whether a rule is about one of the addresses alone, and was made by `sbr` or the Go plugin of that name. */
export function isForSource(rule: PolicyRule, addresses: readonly Address[]): boolean {
  const { source, protocol, isBySource } = rule;
  if (!isBySource || source === undefined || !isSingle(source)) return false;
  return (
    (protocol === PROTOCOL || protocol === UNSPEC) && addresses.some((each) => isSameAddress(each, source.address))
  );
}
