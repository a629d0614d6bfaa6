import type { LabelledRule } from "../../../src/netfilter/nftables/rule-set.ts";
import { ACCEPT } from "../../../src/netfilter/nftables/statement.ts";
import { hasOption, isFrom, isUnspecified, isWhole, laterFragment, says, saysAny } from "./match.ts";

/** Lengths in bytes of neighbour discovery messages without options, and of an option. RFC 4861 */
const LENGTH = { solicitRouter: 8, neighbour: 24, option: 8 } as const;

/**
 * Accepts errors, echoes (RFC 4443, RFC 8335), group reports, and neighbour discovery about the container itself, with no option but its
 * own MAC.
 */
export function icmp6Rules(): readonly LabelledRule[] {
  const isOwnTarget = isFrom("icmpv6 taddr");
  const { solicitRouter, neighbour, option } = LENGTH;
  const own = "iif . icmpv6 taddr @addresses6";
  const [source, target] = ["nd option 1 . 1 iif . nd option mac @macs", "nd option 2 . 1 iif . nd option mac @macs"];
  const isSource = [...hasOption("nd option", "source"), ...isFrom("nd option mac")];
  const isTarget = [...hasOption("nd option", "target"), ...isFrom("nd option mac")];
  const isRouters = [...hasOption("rs option", "source"), ...isFrom("rs option mac")];
  return [
    saysAny({ mask: 0x80, value: 0 }, "accept", ACCEPT),
    saysAny({ mask: 0xfe, value: 128 }, "accept", ACCEPT),
    saysAny({ mask: 0xfe, value: 160 }, "accept", ACCEPT),
    says("nd-neighbor-solicit", "ip6 length 24 accept", isWhole(neighbour), ACCEPT),
    says("nd-neighbor-solicit", `ip6 length 32 ${source} accept`, isWhole(neighbour + option), isSource, ACCEPT),
    says("nd-neighbor-advert", `${own} ip6 length 24 accept`, isOwnTarget, isWhole(neighbour), ACCEPT),
    says(
      "nd-neighbor-advert",
      `${own} ip6 length 32 ${target} accept`,
      isOwnTarget,
      isWhole(neighbour + option),
      isTarget,
      ACCEPT,
    ),
    says("nd-router-solicit", "ip6 length 8 accept", isWhole(solicitRouter), ACCEPT),
    says(
      "nd-router-solicit",
      "ip6 length 16 rs option 1 . 1 iif . rs option mac @macs accept",
      isWhole(solicitRouter + option),
      isRouters,
      ACCEPT,
    ),
    ...groupRules(),
    laterFragment(6),
  ];
}

/** Accepts group reports, which say nothing of their sender. */
function groupRules(): readonly LabelledRule[] {
  return [
    says("mld2-listener-report", "accept", ACCEPT),
    says("mld-listener-report", "accept", ACCEPT),
    says("mld-listener-done", "accept", ACCEPT),
  ];
}

/** Accepts questions whether any address is in use. RFC 4862, 5.4.2 */
export function askingRules(): readonly LabelledRule[] {
  const { neighbour, option } = LENGTH;
  const isNonce = hasOption("nd option", "nonce");
  const from = [...isUnspecified("ip6 saddr"), ...isFrom("ether saddr")];
  const words = "ip6 saddr :: iif . ether saddr @macs accept";
  return [
    says("nd-neighbor-solicit", `ip6 length 24 ${words}`, isWhole(neighbour), from, ACCEPT),
    says(
      "nd-neighbor-solicit",
      `ip6 length 32 nd option 14 . 1 ${words}`,
      isWhole(neighbour + option),
      isNonce,
      from,
      ACCEPT,
    ),
  ];
}

/** Without an address, a container may probe for duplicates of its link-local address, look for routers and join groups. */
export function nobodyRules(): readonly LabelledRule[] {
  const isOwnTarget = isFrom("icmpv6 taddr");
  const { solicitRouter, neighbour, option } = LENGTH;
  const own = "iif . icmpv6 taddr @addresses6";
  const isNonce = hasOption("nd option", "nonce");
  return [
    says("nd-neighbor-solicit", `${own} ip6 length 24 accept`, isOwnTarget, isWhole(neighbour), ACCEPT),
    says(
      "nd-neighbor-solicit",
      `${own} ip6 length 32 nd option 14 . 1 accept`,
      isOwnTarget,
      isWhole(neighbour + option),
      isNonce,
      ACCEPT,
    ),
    says("nd-router-solicit", "ip6 length 8 accept", isWhole(solicitRouter), ACCEPT),
    ...groupRules(),
  ];
}
