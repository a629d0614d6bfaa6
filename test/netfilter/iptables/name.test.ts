import { expect, test } from "vitest";
import {
  chainName,
  isChainName,
  networkComment,
  parseRuleComment,
  referenceChainName,
  ruleComment,
} from "../../../src/netfilter/iptables/name.ts";

test.each([
  ["test", "1234", "CNI-2bbe0c48b91a7d1b8a6753a8"],
  ["testalongnamethatdoesnotmakesense", "1234", "CNI-374f33fe84ab0ed84dcdebe3"],
])("referenceChainName of %s and %s is the reference's", (network, containerId, name) => {
  expect(referenceChainName({ network, containerId })).toBe(name);
});

test("chainName has the reference's form and is another for each interface, container and network", () => {
  const owner = { network: "test", ifname: "eth0", containerId: "1234" };
  const others = [owner, { ...owner, ifname: "eth1" }, { ...owner, containerId: "12" }, { ...owner, network: "tes" }];
  const names = [...others.map(chainName), referenceChainName(owner)];
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !isChainName(name))).toEqual([]);
  expect(names.map((name) => name.length)).toEqual([28, 28, 28, 28, 28]);
});

test.each([
  "CNI-2bbe0c48b91a7d1b8a6753a",
  "CNI-2bbe0c48b91a7d1b8a6753a80",
  "X-CNI-2bbe0c48b91a7d1b8a6753a8",
  "CNI-HOSTPORT-DNAT",
  "CNI-2BBE0C48B91A7D1B8A6753A8",
  "KUBE-POSTROUTING",
])("isChainName refuses %s", (name) => expect(isChainName(name)).toBe(false));

test("ruleComment is the reference's, and begins with its network's", () => {
  const comment = ruleComment({ network: "net1", containerId: "c1" });
  expect(comment).toBe('name: "net1" id: "c1"');
  expect(comment.startsWith(networkComment("net1"))).toBe(true);
  expect(comment.startsWith(networkComment("net"))).toBe(false);
});

test("parseRuleComment reads what ruleComment writes, also if it is cut, and nothing else", () => {
  const owner = { network: "net1", containerId: "c1" };
  expect(parseRuleComment(ruleComment(owner))).toEqual(owner);
  const long = { network: "net1", containerId: "c".repeat(300) };
  expect(parseRuleComment(ruleComment(long))?.containerId).toMatch(/^c{200,}$/);
  const others = ["name: me", 'name: "net1"', 'user name: "net1" id: "c1"'];
  expect(others.map(parseRuleComment)).toEqual([undefined, undefined, undefined]);
});

test("ruleComment is cut to what the kernel keeps", () => {
  expect(ruleComment({ network: "n".repeat(240), containerId: "c".repeat(64) })).toHaveLength(255);
});
