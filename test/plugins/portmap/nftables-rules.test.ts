import { describe, expect, it } from "vitest";
import {
  decodeRedirect,
  encodeAttachment,
  encodeRedirect,
  MAPS,
  mapsOf,
} from "../../../plugins/portmap/nftables-maps.ts";
import { conditionalChains, portmapRules, UNMARKED, wayFor } from "../../../plugins/portmap/nftables-rules.ts";
import type { Redirect } from "../../../plugins/portmap/redirect.ts";
import { NFT } from "../../../src/netfilter/nftables/data.ts";
import { formatExpressions } from "../../../src/netfilter/nftables/format.ts";
import { findComment } from "../../../src/netfilter/nftables/userdata.ts";
import { hex } from "../../netfilter/captured.ts";
import { address, prefix } from "../../netlink/text.ts";

const owner = { network: "net1", ifname: "eth0", containerId: "c1" };
const any: Redirect = { protocol: "tcp", hostIp: undefined, hostPort: 80, to: address("10.0.0.1"), toPort: 90 };
const one: Redirect = { ...any, hostIp: address("192.0.2.1"), protocol: "udp" };
const six: Redirect = { protocol: "sctp", hostIp: address("::1"), hostPort: 80, to: address("fd00::2"), toPort: 90 };

describe("encodeRedirect()", () => {
  // `nft add element inet t ports4 { tcp . 80 : 10.0.0.1 . 90 }` and so on, as `nft --debug=netlink` has them.
  it.each([
    ["tcp . 80 : 10.0.0.1 . 90", any, "0600000000500000", "0a000001005a0000", "targets4"],
    ["192.0.2.1 . udp . 80 : 10.0.0.1 . 90", one, "c00002011100000000500000", "0a000001005a0000", "hostip_targets4"],
    [
      "::1 . sctp . 80 : fd00::2 . 90",
      six,
      "000000000000000000000000000000018400000000500000",
      "fd000000000000000000000000000002005a0000",
      "hostip_targets6",
    ],
  ])("makes of %s what the nft tool makes of it", (_text, redirect, key, data, map) => {
    const { way, target } = encodeRedirect(redirect, { chain: "from", owner });
    expect(target.set.name).toBe(map);
    expect(hex(target.element.key?.value ?? new Uint8Array())).toBe(key);
    expect(hex(target.element.data?.value ?? new Uint8Array())).toBe(data);
    expect(hex(way.element.key?.value ?? new Uint8Array())).toBe(key);
    expect(way.element.data).toEqual({ verdict: { code: NFT.GOTO, chain: "from" } });
    expect(findComment("element", way.element.userdata)).toMatch(/, net: net1, if: eth0, id: c1$/);
  });

  it.each([[any], [one], [six]])("is read back by decodeRedirect()", (redirect) => {
    const { target } = encodeRedirect(redirect, { chain: "", owner });
    const { comment, ...found } = decodeRedirect(mapsOf(redirect), target.element);
    expect(found).toEqual(redirect);
    expect(comment).toMatch(/id: c1$/);
  });
});

it("decodeRedirect() refuses what is no mapping", () => {
  const [maps] = MAPS;
  if (maps === undefined) throw new Error("unreachable");
  expect(() => decodeRedirect(maps, { key: { value: new Uint8Array(4) } })).toThrow(RangeError);
  const { target } = encodeRedirect({ ...any }, { chain: "", owner });
  const foreign = { ...target.element, key: { value: new Uint8Array(8) } };
  expect(() => decodeRedirect(mapsOf(any), foreign)).toThrow("Cannot decode a mapping of protocol 0");
});

it("encodeAttachment() is the attachment's key", () => {
  const { element } = encodeAttachment(owner);
  const digits = hex(element.key?.value ?? new Uint8Array()).match(/.{8}/g) ?? [];
  const inOrder = digits.map((each) => each.match(/../g)?.reverse().join("") ?? "").join("");
  expect(findComment("element", element.userdata)?.replace("-", "")).toMatch(new RegExp(`^${inOrder}`));
});

describe("wayFor()", () => {
  const mark = 0x2000;

  it("N1: marks what comes from the container's subnet and, of IPv4, from the host's own addresses", () => {
    const four = wayFor({ all: false, mark }, [prefix("10.88.0.0/16")]);
    expect({ chain: four.chain, rules: four.rules().map(({ label }) => label) }).toEqual({
      chain: "from_10.88.0.0/16_0x2000",
      rules: [
        "ip saddr 10.88.0.0/16 meta mark set meta mark | 0x2000",
        "ip saddr 127.0.0.0/8 meta mark set meta mark | 0x2000",
        "goto translate",
      ],
    });
    const sixth = wayFor({ all: false, mark }, [prefix("fd00::/64")]);
    expect({ chain: sixth.chain, rules: sixth.rules().map(({ label }) => label) }).toEqual({
      chain: "from_fd00--/64_0x2000",
      rules: ["ip6 saddr fd00::/64 meta mark set meta mark | 0x2000", "goto translate"],
    });
  });

  it("marks what comes from any of the container's subnets, by a chain whose name has them all or fits", () => {
    const way = (texts: readonly string[]) => wayFor({ all: false, mark }, texts.map(prefix));
    const two = way(["fd00:6::/64", "fd00:7::/64"]);
    expect(two.chain).toBe("from_fd00-6--/64_fd00-7--/64_0x2000");
    expect(two.rules().map(({ label }) => label)).toEqual([
      "ip6 saddr fd00:6::/64 meta mark set meta mark | 0x2000",
      "ip6 saddr fd00:7::/64 meta mark set meta mark | 0x2000",
      "goto translate",
    ]);
    const many = Array.from({ length: 100 }, (_, index) => `10.1.${index}.0/24`);
    expect(way(many).chain).toMatch(/^from_10\.1\.0\.0\/24_[0-9a-f]{16}_0x2000$/);
    expect(way(many).chain).not.toBe(way(many.slice(1)).chain);
    expect(way(many.slice(0, 99)).chain).not.toBe(way(many).chain);
  });

  it("N3 to N6: marks everything with masqAll, whatever the subnet", () => {
    const ways = ["10.88.0.0/16", "fd00::/64"].map((text) => wayFor({ all: true, mark: 0x20 }, [prefix(text)]));
    expect(ways.map(({ chain }) => chain)).toEqual(["from_any_0x20", "from_any_0x20"]);
    expect(ways[0]?.rules().map(({ label }) => label)).toEqual(["meta mark set meta mark | 0x20", "goto translate"]);
  });
});

describe("portmapRules()", () => {
  it("N1: without snat marks and masquerades nothing", () => {
    const names = portmapRules([UNMARKED], []).chains.map(({ name }) => name);
    expect(names).toEqual(["prerouting", "output", "ports", "translate", "loopback"]);
  });

  it("N7: has one rule for each mark that masquerades", () => {
    const ways = [wayFor({ all: true, mark: 0x20 }, [prefix("10.0.0.0/24")])];
    const chains = portmapRules([...ways, ...ways], [0x20, 0x20]).chains.map(({ name }) => name);
    expect(chains.slice(5)).toEqual(["from_any_0x20", "masquerade_0x20"]);
  });

  it("drops what is for the host alone before it is sent on, unless it comes from lo, in both families", () => {
    const loopback = portmapRules([UNMARKED], []).chains.find(({ name }) => name === "loopback");
    expect(loopback?.base?.hook).toEqual({ number: 0, priority: -300 });
    expect(loopback?.rules().map(({ label }) => label)).toEqual([
      'iif "lo" return',
      "ip daddr 127.0.0.0/8 drop",
      "ip saddr 127.0.0.0/8 drop",
      "ip6 daddr ::1/128 drop",
      "ip6 saddr ::1/128 drop",
    ]);
  });

  it("looks only at what is for this host, and at one address's mappings before those of all", () => {
    const rules = new Map(portmapRules([UNMARKED], []).chains.map(({ name, rules }) => [name, rules()]));
    expect(rules.get("prerouting")?.map(({ label }) => label)).toEqual(["fib daddr type local goto ports"]);
    expect(rules.get("output")?.map(({ label }) => label)).toEqual([
      "ip6 daddr ::1 return",
      "fib daddr type local goto ports",
    ]);
    expect(rules.get("ports")?.map(({ label }) => label.split("@")[1])).toEqual([
      ...["hostip_ways4", "ways4", "hostip_ways6", "ways6"],
    ]);
    expect(formatExpressions(rules.get("translate")?.[1]?.expressions ?? [])).toContain("set=targets4");
  });
});

it("conditionalChains() are the attachment's own", () => {
  const names = [owner, { ...owner, ifname: "eth1" }].flatMap((each) => Object.values(conditionalChains(each, 4)));
  expect(new Set([...names, ...Object.values(conditionalChains(owner, 6))]).size).toBe(6);
});
