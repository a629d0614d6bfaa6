import { describe, expect, it } from "vitest";
import type { Departure } from "./difference.ts";
import { ALL_VERSIONS, knowsCheck, SHAPES } from "./networks.ts";
import { expectTwins, playBoth, type Side } from "./twins.ts";

const macs = ["02:00:00:00:00:50", "c2:11:22:33:44:55", "c2:11:22:33:44:66"];
const [MASTER, FIRST, SECOND] = macs;

const plugin = { plugin: "macvlan" } as const;

const OWNED: Departure = {
  path: / c\d+ links eth0 ifalias$/,
  reference: undefined,
  reason: "The interface says whose it is, so that DEL deletes no other attachment's and finds it when it is renamed",
};

const CHECKED: Departure = {
  path: /CHECK c1 error$/,
  reference: 999,
  ours: 104,
  reason: "What CHECK finds has the code for it",
};

/** The same with and without a master in the container. */
type Place = { readonly linkInContainer?: boolean };
const PLACES: readonly Place[] = [{}, { linkInContainer: false }, { linkInContainer: true }];

/** A link that others can stand on, on the host or in the container. */
function addMaster(side: Side, { linkInContainer = false }: Place = {}): void {
  const netns = linkInContainer ? side.netns() : side.lab.host;
  side.lab.run(`ip link add up0 address ${MASTER} up type ifb`.split(" "), netns);
}

function config(
  side: Side,
  { cniVersion = "1.0.0", ...more }: Readonly<Record<string, unknown>> & { cniVersion?: string },
) {
  const ranges = [[{ subnet: "10.1.2.0/24" }]];
  const ipam = { type: "host-local", dataDir: side.lab.dataDir, ranges };
  return { cniVersion, name: "mynet", type: "macvlan", master: "up0", mode: "bridge", ipam, ...more };
}

/** ADD, CHECK where there is such a verb, and DEL twice. */
function play(
  side: Side,
  fields: Readonly<Record<string, unknown>> & { cniVersion?: string } & Place,
  args?: string,
): void {
  const call = { ...plugin, ...(args !== undefined && { args }) };
  addMaster(side, fields);
  const full = config(side, fields);
  const prevResult = side.add(full, call);
  if (knowsCheck(full.cniVersion)) side.check({ ...full, prevResult }, call);
  for (let i = 0; i < 2; i++) side.del(full, call);
}

describe.each(ALL_VERSIONS)("macvlan like the reference, %s", (cniVersion) => {
  it("M1 M2 M5: ADD, CHECK and DEL with host-local", () => {
    expectTwins((side) => play(side, { cniVersion }), { macs, departures: [OWNED] });
  });

  it("M4: ADD and DEL without IPAM", () => {
    const isOld = ["0.1.0", "0.2.0"].includes(cniVersion);
    if (!isOld) {
      expectTwins((side) => play(side, { cniVersion, ipam: {} }), { macs, departures: [OWNED] });
      return;
    }
    const departures = [
      {
        path: /ADD c1 error$/,
        reference: 999,
        ours: 7,
        reason: "A configuration that cannot work has the code for it",
      },
    ];
    const scenario = (side: Side) => {
      addMaster(side);
      side.add(config(side, { cniVersion, ipam: {} }), { ...plugin, fails: true });
    };
    expectTwins(scenario, { macs, departures });
  });
});

describe.each(SHAPES)("macvlan like the reference, %s", (cniVersion) => {
  it.each(PLACES)("M3: DEL of what was never added, %o", (place) => {
    expectTwins(
      (side) => {
        addMaster(side, place);
        side.del(config(side, { cniVersion, ...place }), plugin);
      },
      { macs },
    );
  });

  it("M7: the MAC of CNI_ARGS", () => {
    expectTwins((side) => play(side, { cniVersion, mac: SECOND }, `IgnoreUnknown=true;MAC=${FIRST}`), {
      macs,
      departures: [OWNED],
    });
  });

  it("M8: the MAC of runtimeConfig", () => {
    const runtimeConfig = { mac: FIRST };
    expectTwins((side) => play(side, { cniVersion, mac: SECOND, runtimeConfig }, `IgnoreUnknown=1;MAC=${SECOND}`), {
      macs,
      departures: [OWNED],
    });
  });
});

describe.each(PLACES)("macvlan like the reference, with a master in %o", (place) => {
  const cniVersion = "1.1.0";

  it("M2 M5: ADD, CHECK and DEL", () => {
    expectTwins((side) => play(side, { cniVersion, ...place }), { macs, departures: [OWNED] });
  });

  it("M6: without master, by the default route", () => {
    const scenario = (side: Side) => {
      addMaster(side, place);
      const netns = place.linkInContainer === true ? side.netns() : side.lab.host;
      side.lab.run("ip address add 10.9.0.2/24 dev up0".split(" "), netns);
      side.lab.run("ip route add default via 10.9.0.1".split(" "), netns);
      const full = config(side, { cniVersion, ...place, master: undefined });
      const prevResult = side.add(full, plugin);
      if (knowsCheck(cniVersion)) side.check({ ...full, prevResult }, plugin);
      side.del(full, plugin);
    };
    expectTwins(scenario, { macs, departures: [OWNED] });
  });
});

describe("macvlan like the reference", () => {
  it.each(["private", "vepa", "passthru"])("mode %s", (mode) => {
    expectTwins((side) => play(side, { mode }), { macs, departures: [OWNED] });
  });

  it("an MTU, a queue, routes and DNS settings", () => {
    const fields = { mtu: 1300, bcqueuelen: 200, dns: { nameservers: ["10.1.2.1"] } };
    expectTwins((side) => play(side, fields), { macs, departures: [OWNED] });
  });

  it("CHECK refuses another mode", () => {
    const scenario = (side: Side) => {
      addMaster(side);
      const prevResult = side.add(config(side, {}), plugin);
      side.check({ ...config(side, { mode: "private" }), prevResult }, { ...plugin, fails: true });
    };
    expectTwins(scenario, { macs, departures: [OWNED, CHECKED] });
  });

  it.each([
    ["an unknown mode", { mode: "source" }],
    ["an MTU above the master's", { mtu: 9000 }],
    ["a MAC that is none", { mac: "zz" }],
    ["a master that is missing", { master: "nope0" }],
  ])("ADD refuses %s", (_, fields) => {
    const departures = [
      { path: /ADD c1 error$/, reference: 999, ours: 7, reason: "A wrong configuration has the code for it" },
    ];
    const scenario = (side: Side) => {
      addMaster(side);
      side.add(config(side, fields), { ...plugin, fails: true });
    };
    expectTwins(scenario, { macs, departures });
  });
});

describe("macvlan, unlike the reference,", () => {
  function failing(fields: object) {
    return playBoth((side) => {
      addMaster(side);
      const { status } = side.lab.plugin("macvlan", {
        ...{ bin: side.bin, command: "ADD", netns: side.netns() },
        config: { ...config(side, {}), ...fields },
      });
      return { status, container: side.lab.ip("link show", side.netns()).length };
    });
  }

  it.each([
    ["that IPAM refuses", { ipam: { type: "host-local", ranges: [] } }],
    ["that gets no address", { ipam: { type: "static" } }],
    ["without IPAM and with a version that cannot tell", { ipam: {}, cniVersion: "0.2.0" }],
  ])("leaves nothing of an ADD %s", (_, fields) => {
    const { reference, ours } = failing(fields);
    expect(reference).toEqual({ status: 1, container: 2 });
    expect(ours).toEqual({ status: 1, container: 1 });
  });

  it("keeps the DNS settings of IPAM", () => {
    const { reference, ours } = playBoth((side) => {
      addMaster(side);
      const dns = { nameservers: ["10.1.2.1"] };
      const ipam = { type: "static", addresses: [{ address: "10.1.2.3/24" }], dns };
      const { stdout } = side.lab.plugin("macvlan", {
        ...{ bin: side.bin, command: "ADD", netns: side.netns() },
        config: { ...config(side, {}), ipam },
      });
      return JSON.parse(stdout).dns;
    });
    expect(reference).toBeUndefined();
    expect(ours).toEqual({ nameservers: ["10.1.2.1"] });
  });

  it("deletes no interface of another container", () => {
    const { reference, ours } = playBoth((side) => {
      addMaster(side);
      const call = { bin: side.bin, netns: side.netns(), config: config(side, {}) };
      side.lab.plugin("macvlan", { ...call, command: "ADD" });
      side.lab.plugin("macvlan", { ...call, command: "DEL", containerId: "c2" });
      return side.lab.ip("link show", side.netns()).length;
    });
    expect(reference).toBe(1);
    expect(ours).toBe(2);
  });
});
