import { expect, test } from "vitest";
import { parseAddress } from "../../../src/ip/address.ts";
import { readJump } from "../../../src/netfilter/iptables/nft-table.ts";
import { decodeRule } from "../../../src/netfilter/nftables/rule.ts";
import { payloads } from "../captured.ts";

test.each([
  ["iptables", 4, "10.88.0.2"],
  ["ip6tables", 6, "fd00:88::2"],
] as const)("readJump reads the rule that %s-nft makes of a jump", (name, family, source) => {
  const [payload = new Uint8Array()] = payloads(name, "received", "NEWRULE");
  expect(readJump(decodeRule(payload), family)).toEqual({
    chain: "CNI-aaaaaaaaaaaaaaaaaaaaaaaa",
    source: parseAddress(source),
    comment: 'name: "net1" id: "c1"',
  });
});

test("readJump reads nothing from a rule that jumps nowhere", () => {
  const [payload = new Uint8Array()] = payloads("reference", "received", "NEWRULE");
  expect(readJump(decodeRule(payload), 4)).toBeUndefined();
});
