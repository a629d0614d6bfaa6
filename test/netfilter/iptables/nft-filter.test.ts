import { describe, expect, it } from "vitest";
import { parseAddress } from "../../../src/ip/address.ts";
import { decodeNftRule, findNftChain } from "../../../src/netfilter/iptables/nft-filter.ts";
import { decodeRule } from "../../../src/netfilter/nftables/rule.ts";
import { captured, payloads } from "../captured.ts";
import { fakeNetlink } from "../kernel.ts";

const FAMILIES = [
  ["iptables-filter", 4, "10.88.0.2/32"],
  ["ip6tables-filter", 6, "fd00:88::2/128"],
] as const;

/** What iptables-nft -S printed of the same rules, each behind its chain; undefined where there are no words for it. */
function expectedOf(address: string): Readonly<Record<string, readonly (string | undefined)[]>> {
  const comment = (more: string) => `-m comment --comment "CNI firewall plugin ${more}"`;
  const shared = comment("rules (ingressPolicy: same-bridge|isolated)");
  const isolated = comment("rules (ingressPolicy: isolated)");
  return {
    FORWARD: [
      `-m conntrack --ctstate DNAT ${comment("rules (published ports)")} -j CNI-FORWARD`,
      `${shared} -j CNI-ISOLATION-STAGE-1`,
      `${comment("rules")} -j CNI-FORWARD`,
      undefined,
      undefined,
      undefined,
    ],
    "CNI-FORWARD": [
      `${comment("admin overrides")} -j CNI-ADMIN`,
      `-d ${address} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      `-s ${address} -j ACCEPT`,
      undefined,
      undefined,
    ],
    "CNI-ISOLATION-STAGE-1": [
      `-i foo -o foo ${isolated} -j DROP`,
      `-i foo ! -o foo ${isolated} -j CNI-ISOLATION-STAGE-2`,
      `${shared} -j RETURN`,
    ],
    "CNI-ISOLATION-STAGE-2": [`-o foo ${shared} -j DROP`, `${shared} -j RETURN`],
  };
}

describe.each(FAMILIES)("decodeNftRule of %s", (name, family, address) => {
  const rules = payloads(name, "received", "NEWRULE").map((payload) => decodeRule(payload));

  it.each(Object.entries(expectedOf(address)))("says the rules of %s as iptables -S does", (chain, texts) => {
    const found = rules.filter((rule) => rule.chain === chain).map((rule) => decodeNftRule(rule, family).text);
    expect(found).toEqual(texts);
  });

  it("knows the targets of rules that it has no words for", () => {
    const found = rules.filter(({ chain }) => chain === "FORWARD").map((rule) => decodeNftRule(rule, family).target);
    expect(found).toEqual(["CNI-FORWARD", "CNI-ISOLATION-STAGE-1", "CNI-FORWARD", "ACCEPT", "ACCEPT", "REJECT"]);
  });
});

describe("findNftChain", () => {
  const chain = captured("iptables-filter", "received", "NEWCHAIN")[0];
  const netlink = fakeNetlink({
    request: ({ type }) =>
      type === 0xa04 ? (chain === undefined ? [] : [chain]) : captured("iptables-filter", "received", "NEWRULE"),
  });

  it("takes of many rules those with one of these parts", () => {
    const address = parseAddress("10.88.0.2");
    if (address === undefined) throw new Error("unreachable");
    const found = findNftChain(netlink, { family: 4, name: "CNI-FORWARD", parts: [address, "admin overrides"] });
    expect(found?.rules().map(({ text }) => text)).toEqual(
      expectedOf("10.88.0.2/32")["CNI-FORWARD"]?.filter((_, at) => at !== 3),
    );
  });
});
