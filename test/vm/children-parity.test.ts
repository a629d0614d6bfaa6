import { describe, expect, it } from "vitest";
import type { Departure } from "../parity/difference.ts";
import { knowsCheck } from "../parity/networks.ts";
import { expectTwins, playBoth, type Side } from "../parity/twins.ts";

const MASTER = "02:00:00:00:00:50";
const macs = [MASTER];

/** One version: test/parity/macvlan.test.ts compares how results are printed in the others, which is shared. */
const VERSIONS = ["1.1.0"];

const OWNED: Departure = {
  path: / c\d+ links eth0 ifalias$/,
  reference: undefined,
  reason: "The interface says whose it is, so that DEL deletes no other attachment's and finds it when it is renamed",
};

const ANNOUNCED: readonly Departure[] = ["ipv4/conf/eth0/arp_notify", "ipv6/conf/eth0/ndisc_notify"].map((name) => ({
  path: new RegExp(` sysctls net/${name}$`),
  reference: "0",
  ours: "1",
  reason: "Neighbours learn the MAC of an address that another container had at once",
}));

const REFUSED: Departure = {
  path: /ADD c1 error$/,
  reference: 999,
  ours: 7,
  reason: "A wrong configuration has the code for it",
};

type Fields = Readonly<Record<string, unknown>> & { readonly cniVersion?: string; readonly linkInContainer?: boolean };

function addMaster(side: Side, { linkInContainer = false }: Fields = {}, mtu = 1500): void {
  const netns = linkInContainer ? side.netns() : side.lab.host;
  side.lab.run(`ip link add up0 address ${MASTER} mtu ${mtu} up type dummy`.split(" "), netns);
}

function config(side: Side, type: string, { cniVersion = "1.0.0", ...more }: Fields) {
  const ipam = { type: "host-local", dataDir: side.lab.dataDir, ranges: [[{ subnet: "10.1.2.0/24" }]] };
  return { cniVersion, name: "mynet", type, master: "up0", ipam, ...more };
}

/** ADD, CHECK where there is such a verb, and DEL twice. */
function attach(side: Side, type: string, fields: Fields): void {
  const full = config(side, type, fields);
  const prevResult = side.add(full, { plugin: type });
  if (knowsCheck(full.cniVersion)) side.check({ ...full, prevResult }, { plugin: type });
  for (let i = 0; i < 2; i++) side.del(full, { plugin: type });
}

describe.each(VERSIONS)("dummy like the reference, %s", (cniVersion) => {
  it("U1 U2 U3: ADD, CHECK and DEL, while the host has a link of that name", () => {
    const scenario = (side: Side) => {
      side.lab.run("ip link add eth0 type dummy".split(" "));
      attach(side, "dummy", { cniVersion });
    };
    expectTwins(scenario, { departures: [OWNED, ...ANNOUNCED] });
  });

  it("U4: no IPAM", () => {
    const message = "dummy interface requires an IPAM configuration";
    const { reference, ours } = playBoth((side) => {
      const whole = { ...config(side, "dummy", { cniVersion }), ipam: {} };
      const call = { bin: side.bin, netns: side.netns(), command: "ADD", config: whole };
      return JSON.parse(side.lab.plugin("dummy", call).stdout).msg;
    });
    expect([reference, ours]).toEqual([message, message]);
  });
});

describe.each(VERSIONS)("ipvlan like the reference, %s", (cniVersion) => {
  it.each([{}, { linkInContainer: true }])("X1 X2: ADD, CHECK and DEL, %o", (place) => {
    const scenario = (side: Side) => {
      addMaster(side, place);
      attach(side, "ipvlan", { cniVersion, ...place });
    };
    expectTwins(scenario, { macs, departures: [OWNED] });
  });

  it("X4: DEL of what was never added", () => {
    const scenario = (side: Side) => {
      addMaster(side);
      side.del(config(side, "ipvlan", { cniVersion }), { plugin: "ipvlan" });
    };
    expectTwins(scenario, { macs });
  });

  it("X5: without master, by the default route", () => {
    const scenario = (side: Side) => {
      addMaster(side);
      side.lab.run("ip address add 10.9.0.2/24 dev up0".split(" "));
      side.lab.run("ip route add default via 10.9.0.1".split(" "));
      const full = { ...config(side, "ipvlan", { cniVersion }), master: undefined };
      side.add(full, { plugin: "ipvlan" });
      side.del(full, { plugin: "ipvlan" });
    };
    expectTwins(scenario, { macs, departures: [OWNED] });
  });
});

describe("ipvlan like the reference", () => {
  it("X3: chained behind a plugin that names the master and has the addresses", () => {
    const scenario = (side: Side) => {
      addMaster(side);
      const ips = [{ address: "10.1.2.3/24", gateway: "10.1.2.1", interface: 0 }];
      const prevResult = { cniVersion: "1.0.0", interfaces: [{ name: "up0" }], ips, routes: [], dns: {} };
      const full = { ...config(side, "ipvlan", {}), master: undefined, ipam: undefined, prevResult };
      side.add(full, { plugin: "ipvlan" });
      side.del(full, { plugin: "ipvlan" });
    };
    expectTwins(scenario, { macs, departures: [OWNED] });
  });

  it.each(["l3s"])("mode %s", (mode) => {
    const scenario = (side: Side) => {
      addMaster(side);
      attach(side, "ipvlan", { mode });
    };
    expectTwins(scenario, { macs, departures: [OWNED] });
  });
});

describe.each(VERSIONS)("vlan like the reference, %s", (cniVersion) => {
  it.each([{}, { linkInContainer: true }])("V1 V3: ADD, CHECK and DEL, %o", (place) => {
    const scenario = (side: Side) => {
      addMaster(side, place);
      attach(side, "vlan", { cniVersion, vlanId: 1234, ...place });
    };
    expectTwins(scenario, { macs, departures: [OWNED, ...ANNOUNCED] });
  });
});

describe("vlan like the reference", () => {
  it("V2: the master's MTU", () => {
    const scenario = (side: Side) => {
      addMaster(side, {}, 1200);
      attach(side, "vlan", { vlanId: 1234 });
    };
    // A link with an MTU below 1280 has no IPv6. RFC 8200, section 5
    expectTwins(scenario, { macs, departures: [OWNED, ...ANNOUNCED.slice(0, 1)] });
  });

  it.each([
    ["V4: an MTU above the master's", { mtu: 1600 }, "invalid MTU 1600, must be [0, master MTU(1500)]"],
    ["V5: a negative MTU", { mtu: -100 }, "invalid MTU -100, must be [0, master MTU(1500)]"],
    [
      "no master",
      { master: "" },
      '"master" field is required. It specifies the host interface name to create the VLAN for',
    ],
  ])("%s", (_, fields, message) => {
    const { reference, ours } = playBoth((side) => {
      addMaster(side);
      const whole = { ...config(side, "vlan", { vlanId: 1234 }), ...fields };
      const call = { bin: side.bin, netns: side.netns(), command: "ADD", config: whole };
      return JSON.parse(side.lab.plugin("vlan", call).stdout).msg;
    });
    expect([reference, ours]).toEqual([message, message]);
  });

  it("a VLAN that does not exist", () => {
    const scenario = (side: Side) => {
      addMaster(side);
      side.add(config(side, "vlan", { vlanId: 4095 }), { plugin: "vlan", fails: true });
    };
    expectTwins(scenario, { macs, departures: [REFUSED] });
  });
});

describe("unlike the reference,", () => {
  function play(type: string, fields: object) {
    return playBoth((side) => {
      addMaster(side);
      const call = { bin: side.bin, netns: side.netns(), config: { ...config(side, type, {}), ...fields } };
      const { status } = side.lab.plugin(type, { ...call, command: "ADD" });
      return { status, links: side.lab.ip("link show", side.netns()).length };
    });
  }

  it.each(["ipvlan", "vlan"])("%s leaves nothing of an ADD that IPAM refuses", (type) => {
    const { reference, ours } = play(type, { ipam: { type: "host-local", ranges: [] } });
    expect(reference).toEqual({ status: 1, links: 2 });
    expect(ours).toEqual({ status: 1, links: 1 });
  });

  it("dummy leaves nothing of an ADD without addresses", () => {
    const { reference, ours } = play("dummy", { ipam: { type: "static" } });
    expect(reference).toEqual({ status: 1, links: 2 });
    expect(ours).toEqual({ status: 1, links: 1 });
  });

  it("vlan deletes and releases without the master", () => {
    const { reference, ours } = playBoth((side) => {
      addMaster(side);
      const call = { bin: side.bin, netns: side.netns(), config: config(side, "vlan", {}) };
      side.lab.plugin("vlan", { ...call, command: "ADD" });
      side.lab.run("ip link del up0".split(" "));
      side.lab.plugin("vlan", { ...call, command: "DEL" });
      return side.lab.leases("mynet").filter((name) => /^[\d.]+$/.test(name));
    });
    expect(reference).toEqual(["10.1.2.2"]);
    expect(ours).toEqual([]);
  });
});
