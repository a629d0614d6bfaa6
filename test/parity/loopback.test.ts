import { describe, it } from "vitest";
import type { Departure } from "./difference.ts";
import { ALL_VERSIONS, knowsCheck } from "./networks.ts";
import { expectTwins, type Side } from "./twins.ts";

/** The reference prints the shape of 1.0.0 under these versions' numbers, and so in the order of that. */
const WRONG_SHAPE: readonly Departure[] = [
  { path: /ADD c1 (result|layout) /, reason: "A result has the shape of the version that it names" },
];

function config(cniVersion: string, more: object = {}) {
  return { cniVersion, name: "mynet", type: "loopback", ...more };
}

const lo = { plugin: "loopback", ifname: "lo", args: "none" } as const;

describe.each(ALL_VERSIONS)("loopback like the reference, %s", (cniVersion) => {
  it("O1: ADD brings lo up, also with CNI_ARGS that are none, and CHECK, DEL twice", () => {
    const scenario = (side: Side) => {
      side.add(config(cniVersion), lo);
      if (knowsCheck(cniVersion)) side.check(config(cniVersion), lo);
      for (let i = 0; i < 2; i++) side.del(config(cniVersion), lo);
    };
    expectTwins(scenario, { departures: cniVersion.startsWith("0.") ? WRONG_SHAPE : [] });
  });

  it("O2: DEL takes lo down where it was never up", () => {
    expectTwins((side) => side.del(config(cniVersion), lo));
  });
});

describe("loopback like the reference", () => {
  it("ADD hands on prevResult", () => {
    const ips = [{ address: "10.1.2.3/24", gateway: "10.1.2.1", interface: 0 }];
    const prevResult = { cniVersion: "1.0.0", interfaces: [{ name: "eth0", sandbox: "/x" }], ips, dns: {} };
    expectTwins((side) => side.add(config("1.0.0", { prevResult }), lo));
  });

  it("CHECK refuses a lo that is down", () => {
    const departures = [
      { path: /CHECK c1 error$/, reference: 999, ours: 104, reason: "What CHECK finds has the code for it" },
    ];
    expectTwins((side) => side.check(config("1.0.0"), { ...lo, fails: true }), { departures });
  });

  it("ADD refuses a lo with another address", () => {
    const departures = [
      { path: /ADD c1 error$/, reference: 999, ours: 110, reason: "What is in the way has a code of its own" },
    ];
    expectTwins(
      (side) => {
        side.lab.run(["ip", "address", "add", "10.99.0.1/32", "dev", "lo"], side.netns());
        side.add(config("1.0.0"), { ...lo, fails: true });
      },
      { departures },
    );
  });

  it("DEL succeeds without a namespace, and with one that is gone", () => {
    expectTwins((side) => {
      side.del(config("1.0.0"), { ...lo, netns: "" });
      side.del(config("1.0.0"), { ...lo, netns: "/run/netns/gone" });
    });
  });
});
