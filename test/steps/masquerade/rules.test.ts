import { expect, test } from "vitest";
import { type Prefix, parsePrefix } from "../../../src/ip/prefix.ts";
import {
  decodeElement,
  decodeElementList,
  type Element,
  encodeElement,
} from "../../../src/netfilter/nftables/element.ts";
import { ensureRuleSet } from "../../../src/netfilter/nftables/rule-set.ts";
import type { OwnedElement } from "../../../src/netfilter/owned-elements.ts";
import { ownerComment } from "../../../src/netfilter/owner.ts";
import {
  decodeMasqueraded,
  encodeMasqueraded,
  hasList,
  masqueradeRules,
  SUBNET_RULES,
  subnetChain,
} from "../../../src/steps/masquerade/rules.ts";
import { captured, hex, payloads } from "../../netfilter/captured.ts";

const owner = { network: "unit-test", ifname: "eth0", containerId: "one" };
const comment = ownerComment(owner);

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

function withoutLabel({ element: { label, ...element } }: OwnedElement): Element {
  expect(label).toMatch(/^[0-9a-f.:]+$/);
  return element;
}

const prefixes = ["10.88.0.2/16", "172.30.16.2/20", "fd00:88::2/64"].map(prefix);

test("ensureRuleSet of masqueradeRules is message by message what the nft tool sends for masquerade.nft", () => {
  const NLM_F_REQUEST = 1;
  const sent = captured("apply", "sent").filter(({ type, sequence }) => type >= 0xa00 && sequence > 0);
  const changes = ensureRuleSet(masqueradeRules(prefixes));
  expect(changes.map(({ type, flags, payload }) => [type, flags | NLM_F_REQUEST, hex(payload)])).toEqual(
    sent.slice(0, changes.length).map(({ type, flags, payload }) => [type, flags, hex(payload)]),
  );
  expect(changes).toHaveLength(21);
});

test("encodeMasqueraded is the element that the nft tool sends", () => {
  const sent = payloads("apply", "sent", "NEWSETELEM").map((bytes) => decodeElementList(bytes).elements?.map(hex));
  expect(prefixes.map((each) => [hex(encodeElement(withoutLabel(encodeMasqueraded(each, { owner }))))])).toEqual(sent);
});

test("decodeMasqueraded reads it back", () => {
  const decoded = prefixes.map((each) => decodeMasqueraded(encodeMasqueraded(each, { owner }).element));
  expect(decoded).toEqual([
    { address: prefixes[0]?.address, subnet: prefix("10.88.0.0/16"), chain: "to_10.88.0.0/16", comment },
    { address: prefixes[1]?.address, subnet: prefix("172.30.16.0/20"), chain: "to_172.30.16.0/20", comment },
    { address: prefixes[2]?.address, subnet: prefix("fd00:88::/64"), chain: "to_fd00-88--/64", comment },
  ]);
});

test("decodeMasqueraded reads what the kernel sends", () => {
  const lists = payloads("list", "received", "NEWSETELEM").map(decodeElementList);
  const found = lists.flatMap(({ elements = [] }) => elements.map(decodeElement).map(decodeMasqueraded));
  expect(found).toHaveLength(3);
  expect(found).toContainEqual({
    address: prefixes[2]?.address,
    subnet: prefix("fd00:88::/64"),
    chain: "to_fd00-88--/64",
    comment,
  });
});

test("decodeMasqueraded takes an element that somebody made by hand", () => {
  const element = { key: { value: Uint8Array.of(10, 0, 0, 1) }, data: { verdict: { code: -3, chain: "theirs" } } };
  const { address } = prefix("10.0.0.1/8");
  expect(decodeMasqueraded(element)).toEqual({ address, subnet: undefined, chain: "theirs", comment: "" });
  const hand = (chain: string) => decodeMasqueraded({ ...element, data: { verdict: { code: -3, chain } } }).subnet;
  expect(hand("not_to_10.0.0.0/8")).toBeUndefined();
  expect(decodeMasqueraded({ key: element.key })).toEqual({ address, subnet: undefined, chain: "", comment: "" });
  expect(() => decodeMasqueraded({})).toThrow(RangeError);
});

test.each([
  ["10.88.0.2/16", "to_10.88.0.0/16"],
  ["10.88.0.2/32", "to_10.88.0.2/32"],
  ["fd00:88::2/64", "to_fd00-88--/64"],
  ["::1/128", "to_--1/128"],
])("subnetChain of %s is %s", (text, name) => {
  expect(subnetChain(prefix(text)).name).toBe(name);
});

test("masqueradeRules has one chain for addresses of one subnet", () => {
  const { chains } = masqueradeRules([prefix("10.88.0.2/16"), prefix("10.88.7.7/16")]);
  expect(chains.map(({ name }) => name)).toEqual(["postrouting", "to_10.88.0.0/16"]);
  expect(chains[0]?.rules().map(({ label }) => label)).toEqual([
    "ip daddr 224.0.0.0/4 return",
    "ip6 daddr ff00::/8 return",
    "ip saddr vmap @sources4",
    "ip6 saddr vmap @sources6",
  ]);
});

const keep = ["10.244.0.0/16", "10.88.0.0/16", "192.168.0.7/24", "fd00:1::/64", "10.244.9.9/16"].map(prefix);

test("masqueradeRules has a subnet's rules for a list of its family, each network once and not its own", () => {
  const { chains } = masqueradeRules(prefixes.slice(0, 1), keep);
  expect(chains.map(({ name }) => name)).toEqual(["postrouting", "to_10.88.0.0/16_96181541"]);
  expect(chains[1]?.rules().map(({ label }) => label)).toEqual([
    "ip daddr 10.88.0.0/16 return",
    "ip daddr 10.244.0.0/16 return",
    "ip daddr 192.168.0.0/24 return",
    "masquerade",
  ]);
});

test("subnetChain is one chain for one list, in whatever order, and another for another", () => {
  const name = (texts: readonly string[]) => subnetChain(prefix("10.88.0.2/16"), texts.map(prefix)).name;
  expect(name(["10.1.0.0/16", "10.2.0.0/16"])).toBe(name(["10.2.0.3/16", "10.1.0.0/16", "10.1.0.0/16", "fd00::/8"]));
  expect(name(["10.1.0.0/16"])).not.toBe(name(["10.1.0.0/15"]));
  expect(name(["fd00:1::/64", "10.88.0.0/16"])).toBe("to_10.88.0.0/16");
});

test("hasList tells chains with a list from those without, and decodeMasqueraded reads both", () => {
  for (const each of prefixes) {
    const own = subnetChain(each);
    const { element } = encodeMasqueraded(each, { owner, keep: [prefix("10.1.0.0/16"), prefix("fd01::/64")] });
    const { subnet, chain } = decodeMasqueraded(element);
    expect([hasList(own.name), hasList(chain)]).toEqual([false, true]);
    expect(subnetChain(subnet ?? each).name).toBe(own.name);
  }
});

test("SUBNET_RULES is the number of rules in a subnet's chain", () => {
  const [, subnet] = masqueradeRules(prefixes).chains;
  expect(subnet?.rules()).toHaveLength(SUBNET_RULES);
});
