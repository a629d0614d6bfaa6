import { describe, it } from "vitest";
import type { Departure } from "./difference.ts";
import { ALL_VERSIONS, knowsCheck, type Network } from "./networks.ts";
import { expectTwins, type Side, type StepOptions } from "./twins.ts";

function config(side: Side, { cniVersion, ...more }: Network) {
  const ipam = { type: "host-local", dataDir: side.lab.dataDir, ranges: [[{ subnet: "10.1.2.0/24" }]] };
  return { cniVersion, name: "testConfig", type: "tap", owner: 0, group: 0, ipam, ...more };
}

const net1: StepOptions = { plugin: "tap", ifname: "net1" };

function play(side: Side, wanted: Network): void {
  const result = side.add(config(side, wanted), net1);
  if (knowsCheck(wanted.cniVersion)) {
    const prevResult = { ...Object(result), cniVersion: wanted.cniVersion };
    side.check(config(side, { ...wanted, prevResult }), net1);
  }
  for (let i = 0; i < 2; i++) side.del(config(side, wanted), net1);
}

const OURS: readonly Departure[] = [
  {
    path: / c1 links net1 linkinfo info_data pi$/,
    reference: true,
    ours: false,
    reason: "All taps have the same frames, whoever owns them: those that virtual machines use",
  },
  {
    path: / c1 links net1 ifalias$/,
    reference: undefined,
    reason: "A tap says whose it is, so DEL finds it by another name",
  },
];

describe.each(ALL_VERSIONS)("tap like the reference, %s", (cniVersion) => {
  it("K1: a tap with an address, and DEL twice", () => {
    expectTwins((side) => play(side, { cniVersion }), { departures: OURS });
  });

  it("K2: a tap that is the port of a bridge", () => {
    expectTwins(
      (side) => {
        side.lab.run(["ip", "link", "add", "br1", "address", "02:00:00:00:00:0b", "type", "bridge"], side.netns());
        play(side, { cniVersion, bridge: "br1" });
      },
      { departures: OURS, macs: ["02:00:00:00:00:0b"] },
    );
  });
});
