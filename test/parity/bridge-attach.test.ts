import { describe, it } from "vitest";
import { PINNED_LINK_LOCAL, PINNED_MAC } from "./departures.ts";
import type { Departure } from "./difference.ts";
import { ALL_VERSIONS, knowsCheck, layer2, type Network, network, resolvConf, SHAPES } from "./networks.ts";
import { expectTwins, type Side } from "./twins.ts";

const V4 = [[{ subnet: "10.1.2.0/24" }]];
const V6 = [[{ subnet: "2001:db8::/64" }]];
const DUAL = [[{ subnet: "192.168.0.0/24" }], [{ subnet: "fd00::/64" }]];
const THREE = [[{ subnet: "192.168.0.0/24" }], [{ subnet: "fd00::/64" }], [{ subnet: "2001:db8::/64" }]];

/** Without IPAM the reference leaves the interface as the kernel makes it. */
const USABLE_AT_ONCE: readonly Departure[] = ["ipv4/conf/eth0/arp_notify", "ipv6/conf/eth0/accept_dad"].map((name) => ({
  path: new RegExp(`c1 c1 sysctls net/${name}$`),
  reason: "Addresses that are given to the interface later are announced, and work at once, as those of IPAM do",
}));

/** ADD, CHECK with the result where the version has it, DEL, and DEL again. */
function attach(side: Side, options: Network): void {
  const config = network(side, options);
  const prevResult = side.add(config);
  if (knowsCheck(options.cniVersion)) side.check({ ...config, prevResult });
  side.del({ ...config, prevResult });
  side.del(config);
}

describe.each(ALL_VERSIONS)("bridge like the reference, %s", (cniVersion) => {
  it("B16.0 B24.0 B34.0: ADD, CHECK, DEL with an IPv4 range", () => {
    expectTwins((side) => attach(side, { cniVersion, ranges: V4 }));
  });

  it("B16.1 B24.1 B34.1: ADD, CHECK, DEL with an IPv6 range", () => {
    expectTwins((side) => attach(side, { cniVersion, ranges: V6 }));
  });

  it("B16.2 B24.2 B34.2: ADD, CHECK, DEL with a range of each family", () => {
    expectTwins((side) => attach(side, { cniVersion, ranges: DUAL }));
  });

  it("B16.4: ADD with resolvConf passes DNS on", () => {
    expectTwins((side) => attach(side, { cniVersion, ipam: { resolvConf: resolvConf(side) } }));
  });
});

describe("bridge like the reference", () => {
  it.each(["0.3.0", "0.4.0", "1.1.0"])("B16.3: ADD with one IPv4 and two IPv6 range sets, %s", (cniVersion) => {
    expectTwins((side) => attach(side, { cniVersion, ranges: THREE }));
  });

  it.each(["0.1.0", "0.2.0"])("B16.3: ADD refuses two addresses of a family, %s", (cniVersion) => {
    const departures: Departure[] = [
      { path: /ADD c1 error$/, reference: 999, ours: 7, reason: "An error in the configuration has the code for it" },
    ];
    expectTwins((side) => side.add(network(side, { cniVersion, ranges: THREE }), { fails: true }), { departures });
  });

  it.each(["0.3.0", "0.4.0", "1.1.0"])("B14 B17: ADD, DEL without IPAM, %s", (cniVersion) => {
    expectTwins(
      (side) => {
        side.add(layer2({ cniVersion }));
        side.del(layer2({ cniVersion }));
      },
      { departures: [...PINNED_MAC, ...PINNED_LINK_LOCAL, ...USABLE_AT_ONCE] },
    );
  });

  it.each(["0.1.0", "0.2.0"])("B17: ADD without IPAM fails, for the result has no address, %s", (cniVersion) => {
    expectTwins(
      (side) => {
        side.add(layer2({ cniVersion }), { fails: true });
      },
      {
        departures: [
          {
            path: /ADD c1 error$/,
            reference: 999,
            ours: 7,
            reason: "A version that cannot say the result is the configuration's fault",
          },
        ],
      },
    );
  });

  it.each(SHAPES)("B25: DEL of what was never added succeeds, %s", (cniVersion) => {
    expectTwins((side) => side.del(network(side, { cniVersion })));
  });

  it("DEL without a network namespace releases the address", () => {
    expectTwins((side) => {
      const config = network(side, { cniVersion: "1.1.0" });
      side.add(config);
      side.removeNetns();
      side.del(config, { netns: "" });
      side.del(config, { netns: "/run/netns/gone" });
    });
  });

  it.each(SHAPES)("B15: ADD uses a bridge that is there, %s", (cniVersion) => {
    expectTwins((side) => {
      side.lab.run(["ip", "link", "add", "bridge0", "mtu", "1400", "type", "bridge", "forward_delay", "400"]);
      attach(side, { cniVersion });
    });
  });

  it("ADD of several containers, DEL in another order", () => {
    expectTwins((side) => {
      const config = network(side, { cniVersion: "1.1.0", ranges: DUAL });
      for (const containerId of ["c1", "c2", "c3"]) side.add(config, { containerId });
      for (const containerId of ["c2", "c1"]) side.del(config, { containerId });
      side.add(config, { containerId: "c4" });
    });
  });

  it("ADD of a second interface in another network", () => {
    expectTwins(
      (side) => {
        const first = network(side, { cniVersion: "1.1.0" });
        const second = network(side, {
          cniVersion: "1.1.0",
          name: "second",
          bridge: "bridge1",
          isDefaultGateway: false,
          ranges: [[{ subnet: "10.9.0.0/16" }]],
        });
        side.add(first);
        side.add(second, { ifname: "net1" });
        side.del(first);
        side.del(second, { ifname: "net1" });
      },
      { departures: [...PINNED_MAC, ...PINNED_LINK_LOCAL] },
    );
  });
});
