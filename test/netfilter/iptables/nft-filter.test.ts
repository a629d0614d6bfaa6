import { describe, expect, it } from "vitest";
import { encodeAddress } from "../../../src/ip/address.ts";
import { decodeNftRule, findNftChain } from "../../../src/netfilter/iptables/nft-filter.ts";
import { decodeChain } from "../../../src/netfilter/nftables/chain.ts";
import { ifname } from "../../../src/netfilter/nftables/datatype.ts";
import { NFT_CMP } from "../../../src/netfilter/nftables/expression/cmp.ts";
import type { Expression } from "../../../src/netfilter/nftables/expression.ts";
import { load } from "../../../src/netfilter/nftables/field.ts";
import { lookUp, match, matchMasked } from "../../../src/netfilter/nftables/match.ts";
import { decodeRule } from "../../../src/netfilter/nftables/rule.ts";
import { ACCEPT, DROP, goTo, jump, RETURN } from "../../../src/netfilter/nftables/statement.ts";
import { commented } from "../../../src/netfilter/nftables/userdata.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import { NFPROTO } from "../../../src/netlink/nfnetlink.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { address } from "../../netlink/text.ts";
import { captured, payloads } from "../captured.ts";
import { fakeNetlink } from "../kernel.ts";

const NFT_MSG_GETCHAIN = 0xa04;

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

describe("decodeNftRule", () => {
  const value = encodeAddress(address("10.88.0.2"));
  const foo = ifname.encode("foo");
  const differs = (data: Uint8Array): Expression => {
    return { name: "cmp", data: { sreg: 1, operation: NFT_CMP.NEQ, data: { value: data } } };
  };
  const other = (kind: string): Expression => ({ name: "other", kind, bytes: new Uint8Array() });

  it.each<[string, readonly Expression[], string | undefined, string]>([
    ["-s", [...match("ip saddr", value), ACCEPT], "-s 10.88.0.2/32 -j ACCEPT", "ACCEPT"],
    ["! -s", [...load(["ip saddr"]), differs(value), ACCEPT], undefined, "ACCEPT"],
    ["-s with a prefix", [...matchMasked("ip saddr", { mask: value, value }), DROP], undefined, "DROP"],
    ["! -i", [...load(["iifname"]), differs(foo), RETURN], undefined, "RETURN"],
    ["! -o", [...load(["oifname"]), differs(foo), RETURN], "! -o foo -j RETURN", "RETURN"],
    ["-o foo+", [...match("oifname", foo.subarray(0, 3)), DROP], undefined, "DROP"],
    ["--dport", [...match("th dport", Uint8Array.of(0, 80)), DROP], undefined, "DROP"],
    ["--match-set", [...lookUp(["ip saddr"], { name: "set", id: 1 }), DROP], undefined, "DROP"],
    ["counters", [other("counter"), jump("CNI-ADMIN")], "-j CNI-ADMIN", "CNI-ADMIN"],
    ["-g", [goTo("CNI-ADMIN")], undefined, "CNI-ADMIN"],
    ["nftables' own reject", [other("counter"), other("reject")], undefined, "REJECT"],
    ["no target", [...match("ip saddr", value), other("counter")], "-s 10.88.0.2/32", ""],
  ])("reads a rule with %s", (_, expressions, text, target) => {
    expect(decodeNftRule({ family: NFPROTO.IPV4, expressions }, 4)).toEqual({ text, target });
  });

  it("reads a comment that nftables keeps, and a rule without anything", () => {
    const rule = { family: NFPROTO.IPV4, expressions: [DROP], userdata: commented("rule", "mine") };
    expect(decodeNftRule(rule, 4).text).toBe("-m comment --comment mine -j DROP");
    expect(decodeNftRule({ family: NFPROTO.IPV4 }, 4)).toEqual({ text: "", target: "" });
  });
});

describe("findNftChain", () => {
  const netlink = fakeNetlink({
    request: ({ type, payload, action }) => {
      const isChain = type === NFT_MSG_GETCHAIN;
      const asked = isChain ? decodeChain(payload) : decodeRule(payload);
      expect([asked.family, asked.table]).toEqual([NFPROTO.IPV4, "filter"]);
      if (!isChain) {
        const name = decodeRule(payload).chain;
        return captured("iptables-filter", "received", "NEWRULE").filter(
          (rule) => decodeRule(rule.payload).chain === name,
        );
      }
      const { name } = decodeChain(payload);
      const chains = captured("iptables-filter", "received", "NEWCHAIN");
      const found = chains.filter((chain) => decodeChain(chain.payload).name === name);
      if (found.length === 0) throw new NetlinkError(action, { errno: ERRNO.ENOENT });
      return found;
    },
  });

  it.each([
    ["FORWARD", "DROP", 6],
    ["INPUT", "ACCEPT", 0],
    ["CNI-FORWARD", undefined, 5],
  ])("reads chain %s with policy %s and all of its rules", (name, policy, count) => {
    const found = findNftChain(netlink, { family: 4, name });
    expect([found?.policy, found?.rules().length]).toEqual([policy, count]);
  });

  it("finds nothing where there is no such chain", () => {
    expect(findNftChain(netlink, { family: 4, name: "CNI-NONE" })).toBeUndefined();
  });

  it("takes of many rules those with one of these parts", () => {
    const parts = [address("10.88.0.2"), "admin overrides"];
    const found = findNftChain(netlink, { family: 4, name: "CNI-FORWARD", parts });
    expect(found?.rules().map(({ text }) => text)).toEqual(
      expectedOf("10.88.0.2/32")["CNI-FORWARD"]?.filter((_, at) => at !== 3),
    );
  });
});
