import { expect, test } from "vitest";
import { type FilterRule, formatRule } from "../../../src/netfilter/iptables/filter-rule.ts";
import { address } from "../../netlink/text.ts";

// What iptables -S prints of each.
test.each<[string, FilterRule]>([
  ["-j DROP", { target: "DROP" }],
  [
    "-s 10.88.0.2/32 -d 10.88.0.3/32 -j ACCEPT",
    { source: address("10.88.0.2"), destination: address("10.88.0.3"), target: "ACCEPT" },
  ],
  ["-d fd00:88::2/128 -j ACCEPT", { destination: address("fd00:88::2"), target: "ACCEPT" }],
  ["-i cni0 -o cni0 -j DROP", { inLink: "cni0", outLink: { name: "cni0" }, target: "DROP" }],
  ["-i br.100 ! -o br.100 -j DROP", { inLink: "br.100", outLink: { name: "br.100", not: true }, target: "DROP" }],
  ["-i cni0", { inLink: "cni0", target: "" }],
  ['-i "a b" -j DROP', { inLink: "a b", target: "DROP" }],
  ["-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", { established: true, target: "ACCEPT" }],
  ["-m conntrack --ctstate DNAT -m comment --comment ports -j X", { translated: true, comment: "ports", target: "X" }],
  [String.raw`-m comment --comment "name: \"net1\" \\" -j X`, { comment: 'name: "net1" \\', target: "X" }],
])("formatRule() writes %s", (text, rule) => {
  expect(formatRule(rule)).toBe(text);
});
