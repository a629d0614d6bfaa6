import { type Address, decodeAddress, type Family } from "../../ip/address.ts";
import type { NetlinkRequest } from "../../netlink/answers.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { deleteChain, findChain } from "../nftables/chain.ts";
import { applyCurrent } from "../nftables/current.ts";
import { NFT } from "../nftables/data.ts";
import { NFT_CMP } from "../nftables/expression/cmp.ts";
import { NFT_PAYLOAD } from "../nftables/expression/payload.ts";
import type { Expression } from "../nftables/expression.ts";
import { sourceField } from "../nftables/field.ts";
import { deleteRule, listRules, listRulesIfThere, type Rule } from "../nftables/rule.ts";
import { findComment } from "../nftables/userdata.ts";
import { IPTABLES_NAT } from "../tables.ts";
import type { Jump, JumpSelection } from "./jump.ts";
import { decodeExtension, readMatch } from "./xt-match.ts";

/**
 * Deletes the selected jumps of one family, and the chains that no other rule then jumps to, from iptables-nft's table in nf_tables.
 * It uses netlink and starts no process. Nothing to delete is success. @throws NetlinkError
 */
export function deleteNftJumps(netlink: Nfnetlink, family: Family, selection: JumpSelection): void {
  const action = `delete iptables rules of ${selection.label}`;
  applyCurrent(netlink, { action }, () => {
    const chains = selection.chains?.filter(
      (name) => findChain(netlink, { ...IPTABLES_NAT[family], name }) !== undefined,
    );
    if (chains?.length === 0) return [];
    return removals(netlink, family, { ...selection, chains });
  });
}

/** Whether a chain of one family exists and has rules. @throws NetlinkError */
export function hasNftRules(netlink: Nfnetlink, family: Family, name: string): boolean {
  return listRulesIfThere(netlink, { ...IPTABLES_NAT[family], name }).length > 0;
}

/** How many rules of a chain, in any table, contain a text. @throws NetlinkError */
export function countNftRules(
  netlink: Nfnetlink,
  family: Family,
  { table, chain, text }: { table: string; chain: string; text: string },
): number {
  return listRulesIfThere(netlink, { family: IPTABLES_NAT[family].family, table, name: chain }, [text]).length;
}

function removals(
  netlink: Nfnetlink,
  family: Family,
  { from, selects, chains = [] }: JumpSelection,
): readonly NetlinkRequest[] {
  const jumps = listNftJumps(netlink, family, from);
  const selected = jumps.filter(selects);
  const isFree = (name: string) => {
    const key = { ...IPTABLES_NAT[family], name };
    const gone = selected.filter(({ chain }) => chain === name).length;
    return (findChain(netlink, key)?.use ?? 0) <= gone + listRules(netlink, key).length;
  };
  const free = [...new Set([...selected.map(({ chain }) => chain), ...chains])].filter(isFree);
  return [
    ...selected.map(({ rule }) => deleteRule(rule)),
    ...free.map((name) => deleteChain({ ...IPTABLES_NAT[family], name })),
  ];
}

/** The jumps in a chain of table nat; none if it does not exist. @throws NetlinkError */
export function listNftJumps(netlink: Nfnetlink, family: Family, from: string): readonly (Jump & { rule: Rule })[] {
  return listRulesIfThere(netlink, { ...IPTABLES_NAT[family], name: from }).flatMap((rule) => {
    const jump = readJump(rule, family);
    return jump === undefined ? [] : [{ ...jump, rule }];
  });
}

/** Reads a jump from a rule of iptables-nft; undefined if the rule is not a jump. */
export function readJump({ expressions = [], userdata }: Rule, family: Family): Jump | undefined {
  const verdicts = expressions.map((each) => (each.name === "immediate" ? each.data.data?.verdict : undefined));
  const chain = verdicts.find((verdict) => verdict?.code === NFT.JUMP)?.chain;
  if (chain === undefined) return undefined;
  return {
    chain,
    source: readSource(expressions, family),
    comment: expressions.map(readComment).find((each) => each !== undefined) ?? findComment("rule", userdata) ?? "",
  };
}

/** The complete address that the rule compares with a packet's source. */
function readSource(expressions: readonly Expression[], family: Family): Address | undefined {
  const at = expressions.findIndex((each) => each.name === "payload" && isSource(each.data, family));
  const next = at === -1 ? undefined : expressions[at + 1];
  if (next?.name !== "cmp" || next.data.operation !== NFT_CMP.EQ) return undefined;
  return next.data.data?.value === undefined ? undefined : decodeAddress(next.data.data.value);
}

function isSource(
  { base, offset, length }: { base?: number | undefined; offset?: number | undefined; length?: number | undefined },
  family: Family,
): boolean {
  const source = sourceField(family);
  return base === NFT_PAYLOAD.NETWORK_HEADER && offset === source.offset && length === source.size;
}

/** The text of `-m comment`. */
function readComment(expression: Expression): string | undefined {
  if (expression.name !== "other" || expression.kind !== "match") return undefined;
  return readMatch(decodeExtension(expression.bytes))?.comment;
}
