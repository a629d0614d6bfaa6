import { refusals } from "../../netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../netlink/answers.ts";
import { holdsAny } from "../../netlink/bytes.ts";
import { text, u64be } from "../../netlink/codec.ts";
import { NLM_F } from "../../netlink/message.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { ERRNO } from "../../platform/errno.ts";
import { ignoring } from "../../platform/outcome.ts";
import type { ChainKey } from "./chain.ts";
import { expression } from "./expression.ts";
import { list } from "./list.ts";
import { NFT_MSG, type NftObject, nftObject, nftRequest } from "./message.ts";
import { userdata } from "./userdata.ts";

/** enum nft_rule_attributes <linux/netfilter/nf_tables.h> */
const NFTA_RULE = { TABLE: 1, CHAIN: 2, HANDLE: 3, EXPRESSIONS: 4, POSITION: 6, USERDATA: 7 } as const;

const FIELDS = {
  table: [NFTA_RULE.TABLE, text],
  chain: [NFTA_RULE.CHAIN, text],
  handle: [NFTA_RULE.HANDLE, u64be],
  position: [NFTA_RULE.POSITION, u64be],
  expressions: [NFTA_RULE.EXPRESSIONS, list(expression)],
  userdata: [NFTA_RULE.USERDATA, userdata],
} as const;

/** A rule. In the kernel's answers, `position` is the handle of the rule before it. */
export type Rule = NftObject<typeof FIELDS>;

/** Encodes and decodes a rule. `decode` throws RangeError on malformed input. */
export const { encode: encodeRule, decode: decodeRule } = nftObject(FIELDS);

/** The change `nft add rule FAMILY TABLE CHAIN …`, after the chain's other rules. `label` is the rule in words. */
export function addRule(rule: Rule & { label: string }): NetlinkRequest {
  const { label, ...values } = rule;
  return nftRequest(NFT_MSG.NEWRULE, {
    payload: encodeRule(values),
    flags: NLM_F.CREATE | NLM_F.APPEND,
    action: `add rule "${label}" to nftables chain ${rule.chain} of table ${rule.table}`,
  });
}

/** The change `nft delete rule FAMILY TABLE CHAIN handle HANDLE`. ENOENT if it does not exist. */
export function deleteRule({ family, table, chain, handle }: Rule): NetlinkRequest {
  return nftRequest(NFT_MSG.DELRULE, {
    payload: encodeRule({ family, table, chain, handle }),
    action: `delete rule ${handle} from nftables chain ${chain} of table ${table}`,
  });
}

/** The change `nft flush chain FAMILY TABLE NAME`, which deletes all rules. ENOENT if the chain does not exist. */
export function flushChain({ family, table, name }: ChainKey): NetlinkRequest {
  return nftRequest(NFT_MSG.DELRULE, {
    payload: encodeRule({ family, table, chain: name }),
    action: `flush nftables chain ${name} of table ${table}`,
  });
}

/**
 * The rules of a chain in order; none if the chain does not exist. With `parts` (texts or bytes), only the rules that contain one of
 * them. Other rules are not decoded, so few among many cost little. @throws NetlinkError ENOENT without the table
 */
export function listRules(
  netlink: Nfnetlink,
  { family, table, name }: ChainKey,
  parts: readonly (string | Uint8Array)[] = [],
): readonly Rule[] {
  const request = nftRequest(NFT_MSG.GETRULE, {
    payload: encodeRule({ family, table, chain: name }),
    flags: NLM_F.DUMP,
    action: `list the rules of nftables chain ${name} of table ${table}`,
  });
  return netlink
    .request(request)
    .filter(({ payload }) => holdsAny(payload, parts))
    .map(({ payload }) => decodeRule(payload));
}

/** The rules of a chain like listRules(), and none if the table does not exist. @throws NetlinkError */
export function listRulesIfThere(
  netlink: Nfnetlink,
  chain: ChainKey,
  parts: readonly (string | Uint8Array)[] = [],
): readonly Rule[] {
  return ignoring(refusals(ERRNO.ENOENT), () => listRules(netlink, chain, parts)) ?? [];
}
