import { describe, it } from "vitest";
import { PINNED_MAC } from "./departures.ts";
import type { Departure } from "./difference.ts";
import { layer2, network, resolvConf, SHAPES } from "./networks.ts";
import { expectTwins } from "./twins.ts";

const MAC = { args: "02:00:00:00:00:01", cni: "02:00:00:00:00:02", runtime: "02:00:00:00:00:03" };
const CNI_ARGS = `IgnoreUnknown=1;MAC=${MAC.args}`;
const NO_CARRIER: readonly Departure[] = [
  {
    path: / host links bridge0 addr_info 0$/,
    ours: undefined,
    reason:
      "A bridge that never had a carrier has no link-local address; the reference's is up for a moment before it has ports",
  },
  {
    path: / host routes .*(fe80::|ff00::|link-local).* dev bridge0 /,
    ours: undefined,
    reason: "The same address's routes",
  },
];
const macs = Object.values(MAC);

describe("bridge like the reference", () => {
  it("B27: ADD with promiscMode", () => {
    expectTwins((side) => {
      const config = network(side, { cniVersion: "1.1.0", promiscMode: true });
      const prevResult = side.add(config);
      side.check({ ...config, prevResult });
      side.del(config);
    });
  });

  it.each(SHAPES)("B29: ADD takes the container's MAC from CNI_ARGS, %s", (cniVersion) => {
    expectTwins((side) => side.add(network(side, { cniVersion }), { args: CNI_ARGS }), { macs });
  });

  it.each(SHAPES)("B30: ADD prefers the MAC of args.cni, %s", (cniVersion) => {
    const args = { cni: { mac: MAC.cni } };
    expectTwins((side) => side.add(network(side, { cniVersion, args }), { args: CNI_ARGS }), { macs });
  });

  it.each(SHAPES)("B31: ADD prefers the MAC of runtimeConfig, in any case of letters, %s", (cniVersion) => {
    const options = { cniVersion, args: { cni: { mac: MAC.cni } }, RuntimeConfig: { mac: MAC.runtime } };
    expectTwins((side) => side.add(network(side, options), { args: CNI_ARGS }), { macs });
  });

  it.each(["0.4.0", "1.1.0"])(
    "B37: ADD with disableContainerInterface leaves the container's link down, %s",
    (cniVersion) => {
      expectTwins(
        (side) => {
          const config = layer2({ cniVersion, disableContainerInterface: true });
          side.add(config);
          side.del(config);
        },
        { departures: [...PINNED_MAC, ...NO_CARRIER] },
      );
    },
  );

  it.each([false, true])("B38 B39: ADD with portIsolation %s", (portIsolation) => {
    expectTwins((side) => side.add(network(side, { cniVersion: "1.1.0", portIsolation })));
  });

  it.each([false, true])("ADD with hairpinMode %s", (hairpinMode) => {
    expectTwins((side) => side.add(network(side, { cniVersion: "1.1.0", hairpinMode })));
  });

  it.each([1280, 1400, 9000])("ADD with mtu %i", (mtu) => {
    expectTwins((side) => side.add(network(side, { cniVersion: "1.1.0", mtu, ranges: [[{ subnet: "fd00::/64" }]] })));
  });

  it("ADD with enabledad", () => {
    const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00::/64" }]];
    expectTwins((side) => side.add(network(side, { cniVersion: "1.1.0", enabledad: true, ranges })));
  });

  it.each(SHAPES)("ADD with dns replaces what IPAM says, %s", (cniVersion) => {
    expectTwins((side) => {
      const ipam = { resolvConf: resolvConf(side) };
      side.add(network(side, { cniVersion, ipam, dns: { nameservers: ["192.0.2.1"], search: ["example.org"] } }));
    });
  });

  it("ADD reads keys in any case of letters, and ignores those it does not know", () => {
    expectTwins((side) => {
      const config = { ...network(side, { cniVersion: "1.1.0" }), HAIRPINMODE: true, addIf: "true", MTU: 1300 };
      side.add(config);
      side.del(config);
    });
  });

  it("ADD as the oldest published configuration has it", () => {
    expectTwins((side) => {
      const config = {
        name: "rkt.kubernetes.io",
        type: "bridge",
        bridge: "mybridge",
        isGateway: true,
        ipam: {
          type: "host-local",
          dataDir: side.lab.dataDir,
          subnet: "10.1.0.0/16",
          gateway: "10.1.0.1",
          routes: [{ dst: "0.0.0.0/0" }],
        },
      };
      side.add(config);
      side.del(config);
    });
  });
});
