import { expect, test } from "vitest";
import { parsePrefix } from "../../../src/ip/prefix.ts";
import { decodeChain, encodeChain } from "../../../src/netfilter/nftables/chain.ts";
import { compareRuleSet } from "../../../src/netfilter/nftables/compare.ts";
import { decodeRule } from "../../../src/netfilter/nftables/rule.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import type { Message } from "../../../src/netlink/message.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { masqueradeRules } from "../../../src/steps/masquerade/rules.ts";
import { captured } from "../captured.ts";
import { fakeNetlink } from "../kernel.ts";

const subnets = [parsePrefix("10.88.0.2/16")].filter((prefix) => prefix !== undefined);
const NFT_MSG_GETCHAIN = 0xa04;

/** A kernel that has what was captured, but for what `change` does to it. */
function kernel(
  change: { chains?: readonly Message[]; rules?: (rules: readonly Message[]) => readonly Message[] } = {},
) {
  const chains = change.chains ?? captured("list", "received", "NEWCHAIN");
  const rules = (change.rules ?? ((all) => all))(captured("list", "received", "NEWRULE"));
  return fakeNetlink({
    request: ({ type, payload, action }) => {
      if (type !== NFT_MSG_GETCHAIN) {
        return rules.filter((rule) => decodeRule(rule.payload).chain === decodeRule(payload).chain);
      }
      const found = chains.filter((chain) => decodeChain(chain.payload).name === decodeChain(payload).name);
      if (found.length === 0) throw new NetlinkError(action, { errno: ERRNO.ENOENT });
      return found;
    },
  });
}

test("compareRuleSet finds no difference in what the kernel made of the same rules", () => {
  expect(compareRuleSet(kernel(), masqueradeRules(subnets))).toEqual([]);
});

test("compareRuleSet names a chain that is missing", () => {
  const chains = captured("list", "received", "NEWCHAIN").slice(0, 1);
  expect(compareRuleSet(kernel({ chains }), masqueradeRules(subnets))).toEqual([
    "Nftables chain to_10.88.0.0/16 of table cni_masquerade is missing",
  ]);
});

test("compareRuleSet names a base chain in another hook", () => {
  const [, subnet] = captured("list", "received", "NEWCHAIN");
  const prerouting = { family: 1, name: "postrouting", type: "nat", hook: { number: 0, priority: -100 } };
  const chains = [subnet, subnet && { ...subnet, payload: encodeChain(prerouting) }].filter(
    (each) => each !== undefined,
  );
  expect(compareRuleSet(kernel({ chains }), masqueradeRules(subnets))).toEqual([
    "Nftables chain postrouting of table cni_masquerade must be of type nat in hook 4 with priority 100, " +
      "is of type nat in hook 0 with priority -100",
  ]);
});

test("compareRuleSet names a rule that is missing, one that is another, and one too many", () => {
  const changed = kernel({ rules: (rules) => [...rules.slice(0, 2), ...rules.slice(3, 5), ...rules.slice(4, 6)] });
  expect(compareRuleSet(changed, masqueradeRules(subnets))).toEqual([
    'Nftables chain postrouting of table cni_masquerade: rule 3 must be "ip saddr vmap @sources4", is ' +
      '"meta dreg=1 key=15, cmp data=(value=0a) sreg=1, payload base=1 dreg=1 length=16 offset=8, lookup set=sources6 sreg=1"',
    'Nftables chain postrouting of table cni_masquerade: rule 4 must be "ip6 saddr vmap @sources6", is missing',
    'Nftables chain to_10.88.0.0/16 of table cni_masquerade: rule 2 must be "masquerade", is ' +
      '"meta dreg=1 key=15, cmp data=(value=02) sreg=1, payload base=1 dreg=1 length=2 offset=16, ' +
      'cmp data=(value=0a58) sreg=1, immediate data=(verdict=(code=-5))"',
    "Nftables chain to_10.88.0.0/16 of table cni_masquerade: must have 2 rules, has 3",
  ]);
});
