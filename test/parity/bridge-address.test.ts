import { describe, it } from "vitest";
import { PINNED_LINK_LOCAL, PINNED_MAC } from "./departures.ts";
import type { Departure } from "./difference.ts";
import { type Network, network, SHAPES } from "./networks.ts";
import { expectTwins, type Side } from "./twins.ts";

const CONFLICT: Departure = {
  path: /ADD c2 error$/,
  reference: 999,
  ours: 106,
  reason: "A bridge that has another address has a code of its own",
};

function gateway(side: Side, subnet: string, address: string, options: Partial<Network> = {}) {
  return network(side, {
    cniVersion: "1.1.0",
    name: `net${address.replaceAll(/[^0-9a-f]/g, "-")}`,
    isDefaultGateway: false,
    isGateway: true,
    ranges: [[{ subnet, gateway: address }]],
    ...options,
  });
}

describe("bridge like the reference", () => {
  it("B26.0: ADD refuses a second IPv4 address of the bridge, and replaces it with forceAddress", () => {
    expectTwins(
      (side) => {
        side.add(gateway(side, "10.0.0.0/8", "10.0.0.1"));
        const second = gateway(side, "10.1.0.0/16", "10.1.2.3");
        side.add(second, { containerId: "c2", fails: true });
        side.del(second, { containerId: "c2" });
        side.add({ ...second, forceAddress: true }, { containerId: "c2" });
      },
      { departures: [CONFLICT] },
    );
  });

  it("B26.1: ADD refuses an overlapping IPv6 address of the bridge, and replaces it with forceAddress", () => {
    expectTwins(
      (side) => {
        side.add(gateway(side, "2001:db8:1::/48", "2001:db8:1::1"));
        const second = gateway(side, "2001:db8:1:2::/64", "2001:db8:1:2::1");
        side.add(second, { containerId: "c2", fails: true });
        side.del(second, { containerId: "c2" });
        side.add({ ...second, forceAddress: true }, { containerId: "c2" });
      },
      { departures: [CONFLICT] },
    );
  });

  it.each([false, true])("B26.2: ADD keeps an IPv6 address beside a disjoint one, forceAddress %s", (forceAddress) => {
    expectTwins((side) => {
      side.add(gateway(side, "2001:db8:1::/64", "2001:db8:1::1"));
      side.add(gateway(side, "2001:db8:2::/64", "2001:db8:2::1", { forceAddress }), { containerId: "c2" });
    });
  });

  it.each([
    ["B28.0", "10.1.2.0/24"],
    ["B28.1", "2001:db8::/64"],
  ])("%s: ADD and DEL leave the bridge's MAC as it is, %s", (_, subnet) => {
    expectTwins((side) => {
      const config = network(side, { cniVersion: "1.1.0", ranges: [[{ subnet }]] });
      for (const containerId of ["c1", "c2"]) {
        side.add(config, { containerId });
        side.del(config, { containerId });
      }
    });
  });

  it.each(SHAPES)("ADD with isGateway and a default route without gateway, as podman writes it, %s", (cniVersion) => {
    expectTwins((side) => {
      const ipam = { routes: [{ dst: "0.0.0.0/0" }] };
      side.add(network(side, { cniVersion, isDefaultGateway: false, isGateway: true, ipam }));
    });
  });

  it("ADD without a gateway makes no address on the bridge and forwards nothing", () => {
    expectTwins(
      (side) => {
        const config = network(side, { cniVersion: "1.1.0", isDefaultGateway: false });
        const prevResult = side.add(config);
        side.check({ ...config, prevResult });
        side.del(config);
      },
      { departures: [...PINNED_MAC, ...PINNED_LINK_LOCAL] },
    );
  });

  it.each(["1.0.0", "1.1.0"])("ADD adds routes with priority, table and scope, %s", (cniVersion) => {
    expectTwins((side) => {
      const routes = [
        { dst: "10.9.0.0/16", gw: "10.1.2.9" },
        { dst: "10.8.0.0/16", priority: 77 },
        { dst: "10.7.0.0/16", table: 100 },
        { dst: "10.6.0.0/16", gw: "10.1.2.9", scope: 0, table: 254 },
      ];
      side.add(network(side, { cniVersion, ipam: { routes } }));
    });
  });

  it("ADD prints a route's mtu and advmss, and sets them", () => {
    const departures: Departure[] = [
      {
        path: /ADD c1 c1 routes (10\.9|2001:db8:9::)/,
        reason: "The reference prints mtu and advmss of a route but does not give them to the kernel",
      },
    ];
    expectTwins(
      (side) => {
        const routes = [{ dst: "10.9.0.0/16", mtu: 1300, advmss: 1200 }];
        side.add(network(side, { cniVersion: "1.1.0", ipam: { routes } }));
      },
      { departures },
    );
  });
});
