import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { binDir, Lab } from "../lab.ts";
import type { Departure } from "./difference.ts";
import { ALL_VERSIONS, knowsCheck, type Network, SHAPES } from "./networks.ts";
import { referenceDir } from "./reference.ts";
import { expectTwins, type Side, type StepOptions } from "./twins.ts";

const MAC = "02:00:00:00:00:0a";

const STATE = "DEL gives the device its state on the host back; the reference leaves it down";

/** The device is down on the host before, so that nothing but what the plugins do shows. */
function addCard(side: Side): void {
  side.lab.run(["ip", "link", "add", "card0", "address", MAC, "type", "ifb"]);
}

function config(side: Side, { cniVersion, ...more }: Network) {
  const own = side.isReference ? {} : { dataDir: path.join(side.lab.dir, "host-device") };
  return { cniVersion, name: "testConfig", type: "host-device", device: "card0", ...own, ...more };
}

const STATIC = { ipam: { type: "host-local", ranges: [[{ subnet: "10.1.2.0/24" }]] } };

/** The same with the lab's folder of leases. */
const addressed = (side: Side) => ({ ipam: { ...STATIC.ipam, dataDir: side.lab.dataDir } });

const net1: StepOptions = { plugin: "host-device", ifname: "net1" };

/** ADD, and CHECK with its result where the version has that. Returns the result. */
function attach(side: Side, wanted: Network, options: StepOptions = {}): unknown {
  const result = side.add(config(side, wanted), { ...net1, ...options });
  if (knowsCheck(wanted.cniVersion)) {
    const prevResult = { ...Object(result), cniVersion: wanted.cniVersion };
    side.check(config(side, { ...wanted, prevResult }), { ...net1, ...options });
  }
  return result;
}

const withInterfaces = ALL_VERSIONS.filter((version) => !["0.1.0", "0.2.0"].includes(version));

/** Where a link of no IPAM's has no announcements turned on. */
const ANNOUNCED: readonly Departure[] = [
  {
    path: / c1 sysctls net\/ipv4\/conf\/net1\/arp_notify$/,
    reference: "0",
    ours: "1",
    reason: "Neighbours learn at once where an address is now",
  },
];

describe.each(withInterfaces)("host-device without IPAM like the reference, %s", (cniVersion) => {
  it("N1 N6: by name without IPAM, and back", () => {
    expectTwins(
      (side) => {
        addCard(side);
        attach(side, { cniVersion });
        side.del(config(side, { cniVersion }), net1);
      },
      { macs: [MAC] },
    );
  });

  it("N11: the container has a link of the host's name", () => {
    expectTwins(
      (side) => {
        addCard(side);
        side.lab.run(["ip", "link", "add", "card0", "address", "02:00:00:00:00:0b", "type", "ifb"], side.netns());
        side.lab.run(["ip", "link", "set", "card0", "up"], side.netns());
        attach(side, { cniVersion });
        side.del(config(side, { cniVersion }), net1);
      },
      { macs: [MAC, "02:00:00:00:00:0b"] },
    );
  });

  it("N2 N10: DEL fails while the host has a link of the old name", () => {
    expectTwins(
      (side) => {
        addCard(side);
        attach(side, { cniVersion });
        side.lab.run(["ip", "link", "add", "card0", "address", "02:00:00:00:00:0b", "type", "ifb"]);
        side.step("DEL", config(side, { cniVersion }), { ...net1, fails: true });
        side.observe("the device is still up inside");
        side.lab.run(["ip", "link", "del", "card0"]);
        side.del(config(side, { cniVersion }), net1);
      },
      {
        macs: [MAC, "02:00:00:00:00:0b"],
        departures: [{ path: /DEL c1 error$/, reference: 999, ours: 105, reason: "What is in the way has its code" }],
      },
    );
  });
});

describe.each(ALL_VERSIONS)("host-device like the reference, %s", (cniVersion) => {
  it("N4 N9: by name with addresses, and the DNS of the configuration", () => {
    expectTwins(
      (side) => {
        addCard(side);
        const wanted = { cniVersion, ...addressed(side), dns: { nameservers: ["192.0.2.53"] } };
        attach(side, wanted);
        side.del(config(side, wanted), net1);
      },
      { macs: [MAC], departures: ANNOUNCED },
    );
  });

  it("N5: none of the keys", () => {
    expectTwins(
      (side) => {
        addCard(side);
        const { stdout } = side.step("ADD", config(side, { cniVersion, device: "", ...addressed(side) }), {
          ...net1,
          fails: true,
        });
        side.note("text", { text: JSON.parse(stdout).msg.replace(/^failed to load netconf: /, "") });
      },
      {
        macs: [MAC],
        departures: [
          { path: /ADD c1 error$/, reference: 999, ours: 7, reason: "What the configuration lacks has its code" },
        ],
      },
    );
  });
});

describe("host-device like the reference, with a tree of /sys", () => {
  const PCI = "0000:00:00.1";

  /** Gives the plugins a /sys of their own. */
  function withSys(side: Side, links: Readonly<Record<string, string>>, folders: readonly string[] = []) {
    const folder = path.join(side.lab.dir, "sys");
    for (const each of folders) fs.mkdirSync(path.join(folder, each), { recursive: true });
    for (const [name, target] of Object.entries(links)) {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      fs.symlinkSync(target, path.join(folder, name));
    }
    return { ...net1, wrapper: ["unshare", "--mount", "sh", "-ec", 'mount --rbind "$0" /sys; exec "$@"', folder] };
  }

  /** EvalSymlinks wants the driver to be there. */
  const bound = (side: Side, driver: string, more: readonly string[] = []) =>
    withSys(side, { [`bus/pci/devices/${PCI}/driver`]: `../../../../bus/pci/drivers/${driver}` }, [
      `bus/pci/drivers/${driver}`,
      ...more,
    ]);

  const ID: readonly Departure[] = [
    {
      path: /ADD c1 (result interfaces 0 pciID|layout )/,
      reason: "The result names the PCI device; the reference's never does",
    },
  ];

  it.each(SHAPES)("N3 N7: a device with a driver of DPDK, %s", (cniVersion) => {
    expectTwins(
      (side) => {
        const sys = bound(side, "vfio-pci");
        const wanted = { cniVersion, device: undefined, pciBusID: PCI, ...addressed(side) };
        attach(side, wanted, sys);
        side.del(config(side, wanted), sys);
      },
      { departures: cniVersion === "1.1.0" ? ID : [] },
    );
  });

  it.each(["0.4.0", "1.1.0"])("a device by its PCI address, %s", (cniVersion) => {
    expectTwins(
      (side) => {
        addCard(side);
        const sys = bound(side, "ixgbevf", [`bus/pci/devices/${PCI}/net/card0`]);
        const wanted = { cniVersion, device: undefined, pciBusID: PCI };
        attach(side, wanted, sys);
        side.del(config(side, wanted), sys);
      },
      { macs: [MAC], departures: cniVersion === "1.1.0" ? ID : [] },
    );
  });

  it.each(["0.4.0", "1.1.0"])("N8: a device on the auxiliary bus, %s", (cniVersion) => {
    expectTwins(
      (side) => {
        addCard(side);
        const sys = withSys(side, {}, ["bus/auxiliary/devices/mlx5_core.sf.4/net/card0", "bus/pci/devices"]);
        const wanted = { cniVersion, device: undefined, runtimeConfig: { deviceID: "mlx5_core.sf.4" } };
        attach(side, wanted, sys);
        side.del(config(side, wanted), sys);
      },
      { macs: [MAC] },
    );
  });
});

describe("host-device beside the reference", () => {
  const lab = () => {
    const made = new Lab();
    made.run(["ip", "link", "add", "card0", "address", MAC, "type", "ifb"]);
    return made;
  };
  const call = (
    own: Lab,
    bin: string,
    { command, netns, prevResult }: { command: string; netns: string; prevResult?: unknown },
  ) => {
    const base = { cniVersion: "1.0.0", name: "testConfig", type: "host-device", device: "card0", prevResult };
    const fields = bin === binDir ? { ...base, dataDir: path.join(own.dir, "host-device") } : base;
    const outcome = own.plugin("host-device", { bin, command, config: fields, netns, ifname: "net1" });
    expect(outcome.status, outcome.stdout + outcome.stderr).toBe(0);
    return outcome.stdout;
  };
  const places = (own: Lab, netns: string) =>
    [own.host, netns].map((each) =>
      own.ip("link show", each).map((link) => [Object(link).ifname, Object(link).ifalias]),
    );

  it.each([
    ["the reference's ADD, our DEL", () => referenceDir(), () => binDir],
    ["our ADD, the reference's DEL", () => binDir, () => referenceDir()],
  ])("%s", (_, first, second) => {
    const own = lab();
    try {
      const netns = own.addNamespace("c1");
      const before = places(own, netns);
      const prevResult = JSON.parse(call(own, first(), { command: "ADD", netns }));
      expect(places(own, netns)[1]).toEqual([
        ["lo", undefined],
        ["net1", "card0"],
      ]);
      call(own, second(), { command: "DEL", netns, prevResult });
      expect(places(own, netns)).toEqual(before);
      call(own, binDir, { command: "DEL", netns, prevResult });
      expect(places(own, netns)).toEqual(before);
    } finally {
      own.dispose();
    }
  });

  it("DEL gives back what was up as it was, and the reference leaves it down", () => {
    expectTwins(
      (side) => {
        addCard(side);
        side.lab.run(["ip", "link", "set", "card0", "up"]);
        side.add(config(side, { cniVersion: "1.1.0" }), net1);
        side.del(config(side, { cniVersion: "1.1.0" }), net1);
      },
      { macs: [MAC], departures: [{ path: /:DEL c1 host /, reason: STATE }] },
    );
  });
});
