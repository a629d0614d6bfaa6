import { describe, expect, it } from "vitest";
import { parsePortmapConfig } from "../../../plugins/portmap/config.ts";
import {
  chainName,
  entryComment,
  parseEntryComment,
  referenceChainName,
  selectOwnChains,
  selectStaleChains,
} from "../../../plugins/portmap/iptables-chains.ts";
import { findHeld } from "../../../plugins/portmap/iptables-listing.ts";
import { parseRedirects } from "../../../plugins/portmap/iptables-redirects.ts";
import { formatAdditions, missingRules, needsGuard } from "../../../plugins/portmap/iptables-rules.ts";
import { type Plan, planPorts } from "../../../plugins/portmap/plan.ts";
import { formatEndpoint, formatHostEnd } from "../../../plugins/portmap/redirect.ts";
import type { Result } from "../../../src/cni/result.ts";
import { formatRemovals, parseJump } from "../../../src/netfilter/iptables/text.ts";
import { prefix } from "../../netlink/text.ts";
import { portmapRequest } from "./request.ts";

/** The reference suite's container and mappings. */
const LONG_ID =
  "icee6giejonei6sohng6ahngee7laquohquee9shiGo7fohferakah3Feiyoolu2pei7ciPhoh7shaoX6vai3vuf0ahfaeng8yohb9ceu0daez5hashee8ooYai5wa3y";
const MAPPINGS = [
  { hostPort: 8080, containerPort: 80, protocol: "tcp" },
  { hostPort: 8081, containerPort: 80, protocol: "tcp" },
  { hostPort: 8080, containerPort: 81, protocol: "udp" },
  { hostPort: 8082, containerPort: 82, protocol: "udp" },
  { hostPort: 8083, containerPort: 83, protocol: "tcp", hostIP: "192.168.0.2" },
  { hostPort: 8084, containerPort: 84, protocol: "tcp", hostIP: "0.0.0.0" },
  { hostPort: 8085, containerPort: 85, protocol: "tcp", hostIP: "2001:db8:a::1" },
  { hostPort: 8086, containerPort: 86, protocol: "tcp", hostIP: "::" },
];

const owner = { network: "test", ifname: "container", containerId: "c1" };
const chain = chainName(owner);

function planOf(
  fields: object,
  mappings: readonly object[] = MAPPINGS,
  addresses: readonly string[] = ["10.0.0.2/24", "2001:db8::2/64"],
): Plan {
  const request = portmapRequest({ ...fields, runtimeConfig: { portMappings: mappings } });
  const ips = addresses.map((text) => ({ address: prefix(text) }));
  const result: Result = { interfaces: [], ips, routes: [], dns: {} };
  return { ...planPorts(request, parsePortmapConfig(request), result), localnet: undefined };
}

/** The lines that restore gets for a family, without the chain's own name. */
function additions(plan: Plan, index: 0 | 1, listing = ""): readonly string[] {
  const family = plan.families[index];
  if (family === undefined) throw new Error(`The plan has no family ${index}`);
  return formatAdditions(listing, plan, family).replaceAll(chain, "OWN").split("\n");
}

const own = (lines: readonly string[]) => lines.filter((line) => line.startsWith("-A OWN "));

describe("chains", () => {
  it("I1: the reference plugin's name of a container is known", () => {
    expect(referenceChainName({ network: "test", containerId: LONG_ID })).toBe("CNI-DN-67e92b96e692a494b6b85");
    expect(referenceChainName({ network: "testNetName", containerId: LONG_ID })).toBe("CNI-DN-bfd599665540dd91d5d28");
  });

  it("two interfaces of one container do not share one", () => {
    const names = [owner, { ...owner, ifname: "eth1" }, { ...owner, network: "n" }, { ...owner, containerId: "c2" }];
    expect(new Set(names.map(chainName)).size).toBe(4);
    for (const name of names.map(chainName)) expect(name).toMatch(/^CNI-DN-[0-9a-f]{21}$/);
  });
});

describe("formatAdditions()", () => {
  it("I1: jumps by up to 15 ports of a protocol, whatever the family, with the conditions behind", () => {
    const lines = additions(planOf({ conditionsV4: ["-a", "b c"], conditionsV6: ["!", "d"] }), 0);
    const comment = String.raw`-m comment --comment "dnat name: \"test\" id: \"c1\""`;
    expect(lines.filter((line) => line.startsWith("-A CNI-HOSTPORT-DNAT"))).toEqual([
      `-A CNI-HOSTPORT-DNAT -p tcp ${comment} -m multiport --dports 8080,8081,8083,8084,8085,8086 -a "b c" -j OWN`,
      `-A CNI-HOSTPORT-DNAT -p udp ${comment} -m multiport --dports 8080,8082 -a "b c" -j OWN`,
    ]);
    const many = Array.from({ length: 31 }, (_, i) => ({ hostPort: 1 + i, containerPort: 1 }));
    const jumps = additions(planOf({}, many), 0).filter((line) => line.includes("--dports"));
    expect(jumps.map((line) => line.split(",").length)).toEqual([15, 15, 1]);
  });

  it("I1: redirects what is for IPv4, and marks what is for the container's neighbours and the host itself", () => {
    const to = (end: string, address: string) => [
      `-A OWN -s 10.0.0.0/24 ${end} -j CNI-HOSTPORT-SETMARK`,
      `-A OWN -s 127.0.0.1/32 ${end} -j CNI-HOSTPORT-SETMARK`,
      `-A OWN ${end} -m comment --comment "if: container" -j DNAT --to-destination ${address}`,
    ];
    expect(own(additions(planOf({}), 0))).toEqual([
      ...to("-p tcp -m tcp --dport 8080", "10.0.0.2:80"),
      ...to("-p tcp -m tcp --dport 8081", "10.0.0.2:80"),
      ...to("-p udp -m udp --dport 8080", "10.0.0.2:81"),
      ...to("-p udp -m udp --dport 8082", "10.0.0.2:82"),
      ...to("-d 192.168.0.2/32 -p tcp -m tcp --dport 8083", "10.0.0.2:83"),
      ...to("-p tcp -m tcp --dport 8084", "10.0.0.2:84"),
    ]);
  });

  it("I1: redirects what is for IPv6, where the host has no address that it could not send from", () => {
    const to = (end: string, address: string) => [
      `-A OWN -s 2001:db8::/64 ${end} -j CNI-HOSTPORT-SETMARK`,
      `-A OWN ${end} -m comment --comment "if: container" -j DNAT --to-destination ${address}`,
    ];
    expect(own(additions(planOf({}), 1))).toEqual([
      ...to("-p tcp -m tcp --dport 8080", "[2001:db8::2]:80"),
      ...to("-p tcp -m tcp --dport 8081", "[2001:db8::2]:80"),
      ...to("-p udp -m udp --dport 8080", "[2001:db8::2]:81"),
      ...to("-p udp -m udp --dport 8082", "[2001:db8::2]:82"),
      ...to("-d 2001:db8:a::1/128 -p tcp -m tcp --dport 8085", "[2001:db8::2]:85"),
      ...to("-p tcp -m tcp --dport 8086", "[2001:db8::2]:86"),
    ]);
  });

  it("I1: marks nothing without snat, and every source with masqAll", () => {
    const [web = {}] = MAPPINGS;
    const dnat = `-A OWN -p tcp -m tcp --dport 8080 -m comment --comment "if: container" -j DNAT --to-destination 10.0.0.2:80`;
    const without = additions(planOf({ snat: false }, [web]), 0);
    expect(own(without)).toEqual([dnat]);
    expect(without.join("\n")).not.toMatch(/SETMARK|MASQ/);
    const all = own(additions(planOf({ masqAll: true }, [web]), 0));
    expect(all).toEqual(["-A OWN -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK", dnat]);
  });

  it("marks what comes from any subnet of the container", () => {
    const [web = {}] = MAPPINGS;
    const plan = planOf({}, [web], ["10.0.0.2/24", "10.7.0.2/16", "fd00::2/64"]);
    expect(own(additions(plan, 0)).filter((line) => line.includes("SETMARK"))).toEqual(
      ["10.0.0.0/24", "10.7.0.0/16", "127.0.0.1/32"].map(
        (source) => `-A OWN -s ${source} -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK`,
      ),
    );
  });

  it("redirects by what is for one address before what is for all of the same port", () => {
    const [web = {}, other = {}] = MAPPINGS;
    const lines = own(additions(planOf({ snat: false }, [web, other, { ...web, hostIP: "192.168.0.2" }]), 0));
    expect(lines.map((line) => line.match(/(-d \S+ )?-p tcp -m tcp --dport \d+/)?.[0])).toEqual([
      "-d 192.168.0.2/32 -p tcp -m tcp --dport 8080",
      "-p tcp -m tcp --dport 8080",
      "-p tcp -m tcp --dport 8081",
    ]);
  });

  it("I2: marks by the chain that the configuration names, which somebody else has made", () => {
    const lines = additions(planOf({ externalSetMarkChain: "PLZ-SET-MARK" }, MAPPINGS.slice(0, 1)), 0);
    expect(own(lines)[0]).toBe("-A OWN -s 10.0.0.0/24 -p tcp -m tcp --dport 8080 -j PLZ-SET-MARK");
    expect(lines.filter((line) => line.startsWith("-N"))).toEqual(["-N CNI-HOSTPORT-DNAT", "-N OWN"]);
  });

  it("I3, I4: makes the chains that all share in the reference's order and words", () => {
    expect(additions(planOf({ markMasqBit: 5 }), 0).slice(0, 9)).toEqual([
      "*nat",
      "-N CNI-HOSTPORT-SETMARK",
      "-N CNI-HOSTPORT-MASQ",
      "-N CNI-HOSTPORT-DNAT",
      `-A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x20/0x20`,
      "-A CNI-HOSTPORT-MASQ -m mark --mark 0x20/0x20 -j MASQUERADE",
      `-I POSTROUTING 1 -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ`,
      "-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
      "-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
    ]);
  });

  it("Ch1, Ch2: makes what is missing, and the attachment's own anew in the same transaction", () => {
    const plan = planOf({}, MAPPINGS.slice(0, 1));
    const listing = listingOf(plan, "-A CNI-HOSTPORT-DNAT -m comment --comment canary -j ACCEPT");
    const jump = String.raw`CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \"test\" id: \"c1\"" -m multiport --dports 8080 -j OWN`;
    const lines = additions(plan, 0, listing);
    expect(lines.filter((line) => !line.startsWith("-A OWN"))).toEqual([
      ...["*nat", "-F OWN", `-D ${jump}`, `-A ${jump}`, "COMMIT", ""],
    ]);
  });
});

/** What `iptables -S` says after ADD. */
function listingOf(plan: Plan, ...more: readonly string[]): string {
  const [family] = plan.families;
  const input = family === undefined ? "" : formatAdditions("", plan, family);
  return [...input.replace("-I POSTROUTING 1", "-A POSTROUTING").split("\n"), ...more].join("\n");
}

describe("missingRules()", () => {
  const plan = planOf({ conditionsV4: ["-s", "192.0.2.1"] }, MAPPINGS.slice(0, 1));
  const missing = (listing: string) =>
    plan.families.slice(0, 1).flatMap((family) => missingRules(listing, plan, family));

  it("N2: finds nothing missing of what was added, in whatever words the tool has the conditions", () => {
    expect(missing(listingOf(plan))).toEqual([]);
    const printed = listingOf(plan)
      .replace("-A CNI-HOSTPORT-DNAT -p", "-A CNI-HOSTPORT-DNAT -s 192.0.2.1/32 -p")
      .replace(" -s 192.0.2.1 -j", " -j");
    expect(missing(printed)).toEqual([]);
  });

  it("accepts the reference plugin's rules, which mark one subnet only", () => {
    const [web = {}] = MAPPINGS;
    const both = planOf({}, [web], ["10.0.0.2/24", "10.7.0.2/16"]);
    const ofReference = listingOf(planOf({}, [web]))
      .replaceAll(chain, referenceChainName(owner))
      .replaceAll(' -m comment --comment "if: container"', "");
    expect(both.families.flatMap((family) => missingRules(ofReference, both, family))).toEqual([]);
    const earlier = listingOf(planOf({}, [web]));
    expect(both.families.flatMap((family) => missingRules(earlier, both, family))).toEqual([
      `-A ${chain} -s 10.7.0.0/16 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK`,
    ]);
  });

  it("N2: names each rule, the shared ones too", () => {
    expect(missing("")).toHaveLength(9);
    const lines = listingOf(plan).split("\n");
    for (const line of lines.filter((each) => each.startsWith("-A")))
      expect(missing(lines.filter((each) => each !== line).join("\n"))).toEqual([line]);
  });

  it("takes the reference plugin's chain for ours", () => {
    const theirs = listingOf(plan)
      .replaceAll(chain, referenceChainName(owner))
      .replace(' -m comment --comment "if: container"', "");
    expect(missing(theirs)).toEqual([]);
  });
});

describe("findHeld()", () => {
  const plan = planOf({}, MAPPINGS.slice(0, 1));
  const [{ redirects = [] } = {}] = plan.families;
  const other = { ...owner, containerId: "c2" };

  it("names whose a port is", () => {
    const found = findHeld(listingOf(plan), redirects, { owner: other });
    expect(found?.held.owner).toEqual(owner);
    expect(found && formatHostEnd(found.held.redirect)).toBe("0.0.0.0:8080/tcp");
  });

  it("does not count what the attachment has itself, or what no jump leads to", () => {
    expect(findHeld(listingOf(plan), redirects, { owner })).toBeUndefined();
    const orphan = listingOf(plan).replaceAll(/^-A CNI-HOSTPORT-DNAT.*\n/gm, "");
    expect(findHeld(orphan, redirects, { owner: other })).toBeUndefined();
  });

  it("with `before` counts those alone to whom packets come first", () => {
    const first = listingOf(plan);
    const both = `${first}\n${first.replaceAll(chain, chainName(other)).replaceAll("c1", "c2")}`;
    expect(findHeld(both, redirects, { owner: other, before: true })?.held.owner).toMatchObject({ containerId: "c1" });
    expect(findHeld(both, redirects, { owner, before: true })).toBeUndefined();
  });
});

it("parseRedirects() reads what was added", () => {
  const found = parseRedirects(listingOf(planOf({}))).map(({ ifname, redirect }) => {
    return [ifname, formatHostEnd(redirect), formatEndpoint(redirect.to, redirect.toPort)];
  });
  expect(found).toHaveLength(6);
  expect(found).toContainEqual(["container", "192.168.0.2:8083/tcp", "10.0.0.2:83"]);
  expect(found).toContainEqual(["container", "0.0.0.0:8082/udp", "10.0.0.2:82"]);
});

it("Ch3: what an attachment has goes, and others' stays", () => {
  const canary = "-A CNI-HOSTPORT-DNAT -m comment --comment canary -j CANARY";
  const listing = listingOf(planOf({}, MAPPINGS.slice(0, 1)), canary);
  const lines = formatRemovals(listing, selectOwnChains(owner), [])?.split("\n") ?? [];
  expect(lines.map((line) => line.replace(/ .*/, ""))).toEqual(["*nat", "-D", "-F", "-X", "COMMIT", ""]);
  expect(formatRemovals(canary, selectOwnChains(owner), [])).toBeUndefined();
});

it("selectStaleChains() selects a network's jumps but those of the valid attachments, whoever made them", () => {
  const jump = (to: string, network: string) => {
    const comment = String.raw`"dnat name: \"${network}\" id: \"c9\""`;
    return parseJump(
      `-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment ${comment} -m multiport --dports 1 -j ${to}`,
      "CNI-HOSTPORT-DNAT",
    );
  };
  const { selects } = selectStaleChains("test", [owner]);
  const isSelected = (to: string, network = "test") => {
    const found = jump(to, network);
    return found !== undefined && selects(found);
  };
  const gone = chainName({ ...owner, containerId: "c9" });
  expect([isSelected(gone), isSelected(gone, "test2"), isSelected("MINE")]).toEqual([true, false, false]);
  expect([isSelected(`X-${gone}`), isSelected(`${gone}0`)]).toEqual([false, false]);
  expect([isSelected(chain), isSelected(referenceChainName(owner))]).toEqual([false, false]);
});

describe("parseEntryComment()", () => {
  it.each([
    ['dnat name: "n" id: "c"', { network: "n", containerId: "c" }],
    ['dnat name: "n" id: "c..."', { network: "n", containerId: "c..." }],
    ['dnat name: "n" id: "cut', { network: "n", containerId: "cut" }],
    ['dnat name: "n" id: "cut...', { network: "n", containerId: "cut" }],
    ['dnat name: "n"', undefined],
    ['a dnat name: "n" id: "c"', undefined],
    ["", undefined],
  ])("reads %j", (comment, owner) => expect(parseEntryComment(comment)).toEqual(owner));

  it("reads what entryComment() writes, which is cut to what the kernel stores", () => {
    const write = (length: number) => entryComment({ ...owner, network: "net1", containerId: "x".repeat(length) });
    expect([write(231).length, write(231).endsWith('x"')]).toEqual([255, true]);
    expect([write(232).length, write(232).endsWith("x...")]).toEqual([255, true]);
    expect(parseEntryComment(write(232))?.containerId).toBe("x".repeat(229));
  });
});

describe("needsGuard()", () => {
  it.each([
    [undefined, true],
    ["127.0.0.1", true],
    ["192.0.2.1", false],
  ])("is needed for a mapping of hostIP %s: %s", (hostIP, expected) => {
    const { families } = planOf({}, [{ hostPort: 1, containerPort: 1, hostIP }]);
    expect(families[0] && needsGuard(families[0])).toBe(expected);
  });
});
