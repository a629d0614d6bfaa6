import { describe, expect, it } from "vitest";
import type { IpConfig, Route } from "../../src/cni/result.ts";
import { type Address, formatAddress, parseAddress } from "../../src/ip/address.ts";
import { formatPrefix, type Prefix, parsePrefix } from "../../src/ip/prefix.ts";
import { gatewayOfRoute, planAddresses } from "../../src/steps/address-plan.ts";

function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

function ip(text: string, gateway?: string): IpConfig {
  return { address: prefix(text), ...(gateway === undefined ? {} : { gateway: address(gateway) }) };
}

function plan(ips: IpConfig[], routes: Route[], config: { isGateway?: boolean; isDefaultGateway?: boolean }) {
  const planned = planAddresses(
    { ips, routes },
    { isGateway: false, isDefaultGateway: false, interface: 2, ...config },
  );
  return {
    ips: planned.ips.map(({ gateway, ...rest }) => [
      formatPrefix(rest.address),
      rest.interface,
      gateway === undefined ? undefined : formatAddress(gateway),
    ]),
    routes: planned.routes.map(
      ({ dst, gw }) => `${formatPrefix(dst)}${gw === undefined ? "" : ` via ${formatAddress(gw)}`}`,
    ),
    bridge: planned.gatewayAddresses.map(formatPrefix),
  };
}

describe("planAddresses", () => {
  it("gives every address to the container's interface and leaves the rest to IPAM", () => {
    expect(plan([ip("10.1.2.5/24", "10.1.2.1")], [{ dst: prefix("10.0.0.0/8") }], {})).toEqual({
      ips: [["10.1.2.5/24", 2, "10.1.2.1"]],
      routes: ["10.0.0.0/8"],
      bridge: [],
    });
  });

  it("isGateway: takes the first address of the network where IPAM names no gateway", () => {
    expect(plan([ip("10.1.2.5/24"), ip("fd00:1::5/64")], [], { isGateway: true })).toEqual({
      ips: [
        ["10.1.2.5/24", 2, "10.1.2.1"],
        ["fd00:1::5/64", 2, "fd00:1::1"],
      ],
      routes: [],
      bridge: ["10.1.2.1/24", "fd00:1::1/64"],
    });
  });

  it("isGateway: one gateway of two addresses is one address of the bridge", () => {
    const ips = [ip("10.1.2.5/24", "10.1.2.1"), ip("10.1.2.6/24", "10.1.2.1")];
    expect(plan(ips, [], { isGateway: true }).bridge).toEqual(["10.1.2.1/24"]);
  });

  it("isDefaultGateway: one default route for each family", () => {
    const ips = [ip("10.1.2.5/24", "10.1.2.1"), ip("fd00:1::5/64", "fd00:1::1"), ip("fd00:2::5/64", "fd00:2::1")];
    expect(plan(ips, [], { isGateway: true, isDefaultGateway: true }).routes).toEqual([
      "0.0.0.0/0 via 10.1.2.1",
      "::/0 via fd00:1::1",
    ]);
  });

  it("isDefaultGateway: a default route from IPAM is kept, with or without a gateway", () => {
    const config = { isGateway: true, isDefaultGateway: true };
    const ips = [ip("10.1.2.5/24", "10.1.2.1")];
    expect(plan(ips, [{ dst: prefix("0.0.0.0/0") }], config).routes).toEqual(["0.0.0.0/0"]);
    const given = [{ dst: prefix("0.0.0.0/0"), gw: address("10.1.2.9") }];
    expect(plan(ips, given, config).routes).toEqual(["0.0.0.0/0 via 10.1.2.9"]);
  });

  it("isDefaultGateway: a default route in another table is not the default route", () => {
    const routes = [{ dst: prefix("0.0.0.0/0"), table: 100 }];
    const ips = [ip("10.1.2.5/24", "10.1.2.1")];
    const planned = plan(ips, routes, { isGateway: true, isDefaultGateway: true });
    expect(planned.routes).toEqual(["0.0.0.0/0", "0.0.0.0/0 via 10.1.2.1"]);
  });
});

describe("gatewayOfRoute()", () => {
  const ips = [ip("10.1.0.2/24"), ip("10.2.0.2/24", "10.2.0.1"), ip("10.3.0.2/24", "10.3.0.1")];

  it.each<[string, Route, string | undefined]>([
    ["its own", { dst: prefix("10.0.0.0/8"), gw: address("10.1.0.9") }, "10.1.0.9"],
    ["that of the first address that has one", { dst: prefix("10.0.0.0/8") }, "10.2.0.1"],
    ["none if its scope is link", { dst: prefix("10.0.0.0/8"), scope: 253 }, undefined],
    ["none if no address of its family has one", { dst: prefix("fd00::/8") }, undefined],
  ])("is %s", (_, route, expected) => {
    const gateway = gatewayOfRoute(ips, route);
    expect(gateway && formatAddress(gateway)).toBe(expected);
  });
});
