import { describe, expect, it } from "vitest";
import { parsePortMappings } from "../../../plugins/portmap/mapping.ts";
import {
  containerAddresses,
  formatEndpoint,
  formatHostEnd,
  overlaps,
  planRedirects,
} from "../../../plugins/portmap/redirect.ts";
import type { Interface } from "../../../src/cni/result.ts";
import { formatAddress } from "../../../src/ip/address.ts";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { address, prefix } from "../../netlink/text.ts";
import { refusal } from "../host-local/refusal.ts";

function addresses(interfaces: readonly Interface[], ips: readonly (readonly [string, number?])[]) {
  const list = ips.map(([text, index]) => ({ address: prefix(text), interface: index }));
  return containerAddresses({ interfaces, ips: list, routes: [], dns: {} }, "container").map(formatPrefix);
}

function mappings(...entries: readonly object[]) {
  const whole = { hostPort: 80, containerPort: 80, protocol: "tcp", hostIP: undefined };
  return parsePortMappings(entries.map((entry) => ({ ...whole, ...entry })));
}

describe("containerAddresses()", () => {
  it("P1: takes those that are not on the host", () => {
    const interfaces = [{ name: "host" }, { name: "container", sandbox: "netns" }];
    const ips = [
      ["10.0.0.1/24", 0],
      ["2001:db8:1::2/64", 1],
      ["10.0.0.2/24", 1],
      ["10.0.0.3/24", 1],
    ] as const;
    expect(addresses(interfaces, ips)).toEqual(["2001:db8:1::2/64", "10.0.0.2/24", "10.0.0.3/24"]);
  });

  it("P9: takes an address that is on no interface, or on one that is not there", () => {
    expect(addresses([{ name: "host" }], [["10.0.0.1/24"]])).toEqual(["10.0.0.1/24"]);
    expect(addresses([{ name: "host" }], [["10.0.0.1/24", 7]])).toEqual(["10.0.0.1/24"]);
  });

  it("leaves out another interface's, and the host's of the same name", () => {
    const interfaces = [{ name: "eth1", sandbox: "netns" }, { name: "container" }];
    const ips = [
      ["10.0.0.1/24", 0],
      ["10.0.0.2/24", 1],
    ] as const;
    expect(addresses(interfaces, ips)).toEqual([]);
  });
});

describe("planRedirects()", () => {
  it("maps in each family what is for it", () => {
    const some = mappings({}, { hostPort: 81, hostIP: address("0.0.0.0") }, { hostPort: 82, hostIP: address("::1") });
    const plan = planRedirects(some, [prefix("10.0.0.2/24"), prefix("fd00::2/64")]);
    expect(plan.map(({ redirects }) => redirects.map(formatHostEnd))).toEqual([
      ["0.0.0.0:80/tcp", "0.0.0.0:81/tcp"],
      ["[::]:80/tcp", "[::1]:82/tcp"],
    ]);
  });

  it("maps to the first address of a family, and has every subnet once", () => {
    const texts = ["fd00::2/64", "10.0.0.2/24", "10.0.0.3/24", "10.7.0.2/16"];
    const plan = planRedirects(mappings({}), texts.map(prefix));
    expect(plan.map(({ redirects }) => redirects.map(({ to }) => formatAddress(to)))).toEqual([
      ["10.0.0.2"],
      ["fd00::2"],
    ]);
    expect(plan.map(({ subnets }) => subnets.map(formatPrefix))).toEqual([
      ["10.0.0.0/24", "10.7.0.0/16"],
      ["fd00::/64"],
    ]);
  });

  it("counts once what is there twice, and refuses one port for two places", () => {
    const twice = mappings({}, { hostIP: address("0.0.0.0") });
    expect(planRedirects(twice, [prefix("10.0.0.2/24")])[0]?.redirects).toHaveLength(1);
    const contradiction = mappings({}, { containerPort: 81, hostIP: address("0.0.0.0") });
    expect(refusal(() => planRedirects(contradiction, [prefix("10.0.0.2/24")]))).toEqual({
      code: 7,
      message: "Cannot use portMappings: 0.0.0.0:80/tcp is mapped to the container's ports 80 and 81",
    });
  });

  it("has no family without an address, or without a mapping", () => {
    expect(planRedirects(mappings({ hostIP: address("::") }), [prefix("10.0.0.2/24")])).toEqual([]);
    expect(planRedirects([], [prefix("10.0.0.2/24")])).toEqual([]);
  });
});

describe("overlaps()", () => {
  const redirect = { protocol: "tcp", hostIp: undefined, hostPort: 80, to: address("10.0.0.2"), toPort: 80 } as const;
  const one = { ...redirect, hostIp: address("192.0.2.1") };

  it.each([
    ["the same", redirect, redirect, true],
    ["one address and all", redirect, one, true],
    ["two addresses", one, { ...one, hostIp: address("192.0.2.2") }, false],
    ["another port", redirect, { ...redirect, hostPort: 81 }, false],
    ["another protocol", redirect, { ...redirect, protocol: "udp" as const }, false],
    ["another family", redirect, { ...redirect, to: address("fd00::2") }, false],
  ])("tells of %s", (_what, a, b, expected) => {
    expect([overlaps(a, b), overlaps(b, a)]).toEqual([expected, expected]);
  });
});

it("formatEndpoint() puts IPv6 into brackets", () => {
  expect(formatEndpoint(address("10.0.0.2"), 80)).toBe("10.0.0.2:80");
  expect(formatEndpoint(address("fd00::2"), 80)).toBe("[fd00::2]:80");
});
