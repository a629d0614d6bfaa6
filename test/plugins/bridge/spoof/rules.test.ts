import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { addressElements, portElements } from "../../../../plugins/bridge/spoof/elements.ts";
import { spoofRules } from "../../../../plugins/bridge/spoof/rules.ts";
import { parsePrefix } from "../../../../src/ip/prefix.ts";
import { decodeElementList, encodeElement } from "../../../../src/netfilter/nftables/element.ts";
import type { Expression } from "../../../../src/netfilter/nftables/expression.ts";
import { formatExpressions } from "../../../../src/netfilter/nftables/format.ts";
import { decodeRule } from "../../../../src/netfilter/nftables/rule.ts";
import { ensureRuleSet } from "../../../../src/netfilter/nftables/rule-set.ts";
import { captured, hex, payloads } from "../../../netfilter/captured.ts";

const port = {
  owner: { network: "unit-test", ifname: "eth0", containerId: "one" },
  port: 1,
  mac: "02:00:00:00:00:01",
  check: "strict",
} as const;
const prefixes = ["10.88.0.2/24", "fd00:88::2/64"].map(parsePrefix).filter((prefix) => prefix !== undefined);

/** What the nft tool of the capture has no words for, or refuses. */
const UNSPEAKABLE = /icmpv6 taddr|& \d+ == |nd option|rs option/;

/** Comparisons of bytes behind each other are one: the tool makes as few as fit into its numbers, and ours are each a field's. */
function joined(expressions: readonly Expression[]): readonly Expression[] {
  for (const [index, first] of expressions.entries()) {
    const [compared, second, next] = expressions.slice(index + 1);
    if (first.name !== "payload" || compared?.name !== "cmp" || second?.name !== "payload" || next?.name !== "cmp")
      continue;
    const { base, offset = 0, length = 0 } = first.data;
    if (second.data.base !== base || second.data.offset !== offset + length) continue;
    const value = Buffer.concat([compared, next].map(({ data }) => data.data?.value ?? Buffer.alloc(0)));
    const whole = { ...first, data: { ...first.data, length: length + (second.data.length ?? 0) } };
    const rest = expressions.slice(index + 4);
    return joined([
      ...expressions.slice(0, index),
      whole,
      { ...next, data: { ...next.data, data: { value } } },
      ...rest,
    ]);
  }
  return expressions;
}

const NFT_MSG = { TABLE: 0xa00, CHAIN: 0xa03 } as const;

test("spoofRules has the table and the chains that the nft tool sends for spoof.nft", () => {
  const isPlace = ({ type }: { type: number }) => type === NFT_MSG.TABLE || type === NFT_MSG.CHAIN;
  const sent = captured("spoof", "sent").filter(isPlace);
  const ours = ensureRuleSet(spoofRules()).filter(isPlace);
  expect(ours.map(({ payload }) => hex(payload))).toEqual(sent.map(({ payload }) => hex(payload)));
});

test("spoofRules has the rules that the kernel makes of spoof.nft", () => {
  const listed = payloads("spoof-list", "received", "NEWRULE").map(decodeRule);
  for (const { name, rules } of spoofRules().chains) {
    const ours = rules().filter(({ label }) => !UNSPEAKABLE.test(label));
    const theirs = listed.filter(({ chain }) => chain === name);
    expect(ours.map(({ expressions }) => formatExpressions(joined(expressions)))).toEqual(
      theirs.map(({ expressions = [] }) => formatExpressions(joined(expressions))),
    );
  }
});

test("spoofRules says its rules in words that tell them apart", () => {
  for (const { rules } of spoofRules().chains) {
    const labels = rules().map(({ label }) => label);
    expect(new Set(labels).size).toBe(labels.length);
  }
});

test("spoofRules says its rules in the nft tool's words, as far as it has any, without what only repeats the protocol", () => {
  const file = fs.readFileSync(path.join(import.meta.dirname, "../../../captures/nftables/spoof.nft"), "utf8");
  const theirs = [...file.matchAll(/^add rule bridge cni_spoofcheck (\S+) (.*)$/gm)].map(([, chain, rule = ""]) => {
    const short = rule.replace(/^meta protocol \w+ /, "").replace(/^meta l4proto (\S+) (?=icmp|igmp)/, "");
    return `${chain}: ${short.replace("ip6 nexthdr ipv6-icmp ", "")}`;
  });
  const ours = spoofRules().chains.flatMap(({ name, rules }) => rules().map(({ label }) => `${name}: ${label}`));
  expect(ours.filter((line) => !UNSPEAKABLE.test(line))).toEqual(theirs);
});

test("every chain of spoofRules but the first drops what no rule lets through", () => {
  const ends = spoofRules()
    .chains.slice(1)
    .map(({ name, rules }) => `${name}: ${rules().at(-1)?.label}`);
  expect(ends.filter((end) => !end.endsWith(": drop"))).toEqual(["asking: goto strict"]);
});

test("portElements and addressElements are the elements that the nft tool sends", () => {
  const sent = payloads("spoof", "sent", "NEWSETELEM").map(decodeElementList);
  const ours = [...portElements(port), ...addressElements(port, prefixes)];
  expect(ours.map(({ set, element: { label: _, ...element } }) => [set.name, hex(encodeElement(element))])).toEqual(
    sent.map(({ set, elements = [] }) => [set, ...elements.map(hex)]),
  );
});

test("portElements asks for the MAC alone where that is what is checked", () => {
  expect(portElements({ ...port, check: "mac" }).map(({ set, element }) => `${set.name} ${element.label}`)).toEqual([
    "ports 1",
    "macs 1 . 02:00:00:00:00:01",
  ]);
});
