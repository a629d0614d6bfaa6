import { expect, test } from "vitest";
import { parsePrefix } from "../../../src/ip/prefix.ts";
import { lookUpSource, matchDestination, RETURN } from "../../../src/netfilter/nftables/match.ts";
import { decodeRule } from "../../../src/netfilter/nftables/rule.ts";
import { payloads } from "../captured.ts";

const sent = payloads("apply", "sent", "NEWRULE").map((bytes) => decodeRule(bytes).expressions);

function destination(text: string) {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(text);
  return [...matchDestination(prefix), RETURN];
}

test.each([
  { prefix: "224.0.0.0/4", rule: 0, how: "masks, for the length is no whole number of bytes" },
  { prefix: "ff00::/8", rule: 1, how: "compares whole bytes" },
  { prefix: "10.88.0.2/16", rule: 4, how: "compares the network's bytes, whatever the host bits" },
  { prefix: "172.30.16.0/20", rule: 6, how: "masks inside a byte" },
  { prefix: "fd00:88::2/64", rule: 8, how: "compares eight bytes" },
])("matchDestination $prefix is what the nft tool makes: it $how", ({ prefix, rule }) => {
  expect(destination(prefix)).toEqual(sent[rule]);
});

test("matchDestination of a prefix of length 0 is the family alone", () => {
  expect(destination("0.0.0.0/0")).toEqual([...(sent[4]?.slice(0, 2) ?? []), RETURN]);
});

test("lookUpSource is what the nft tool makes", () => {
  expect(lookUpSource(4, { name: "sources4", id: 1 })).toEqual(sent[2]);
  expect(lookUpSource(6, { name: "sources6", id: 2 })).toEqual(sent[3]);
});
