import { describe, expect, it } from "vitest";
import type { Departure } from "./difference.ts";
import { ALL_VERSIONS, knowsCheck, resolvConf, SHAPES } from "./networks.ts";
import { referenceDir } from "./reference.ts";
import { expectTwins, playBoth, type Side } from "./twins.ts";

type Config = Readonly<Record<string, unknown>>;

const plugin = "ptp";
const V4 = [[{ subnet: "10.1.2.0/24" }]];
const DUAL = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1:2::/66" }]];
const ROUTES = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }, { dst: "192.168.0.0/16" }];

const ONE_REQUEST =
  "The kernel is told to make no route to the address's network; the reference deletes the one that it made";
const AT_ONCE = "Addresses work at once: nobody else is on the link";

const MEANT: readonly Departure[] = [
  { path: / c1 links eth0 addr_info \d noprefixroute$/, reference: undefined, ours: true, reason: ONE_REQUEST },
  { path: / c1 sysctls net\/ipv6\/conf\/eth0\/accept_dad$/, reference: "1", ours: "0", reason: AT_ONCE },
  {
    path: / c1 sysctls net\/ipv4\/conf\/eth0\/arp_notify$/,
    reference: "0",
    ours: "1",
    reason: "Addresses that are given to the interface later are announced",
  },
];

/** With an IPv6 gateway. */
const MEANT_6: readonly Departure[] = [
  { path: / host links host-veth addr_info \d nodad$/, reference: undefined, ours: true, reason: AT_ONCE },
];

function ptp(side: Side, { ipam, ...rest }: Config): Config {
  const own = { type: "host-local", dataDir: side.lab.dataDir, ranges: V4, ...Object(ipam) };
  return { name: "testConfig", type: "ptp", ipMasq: true, mtu: 5000, ipam: own, ...rest };
}

/** STATUS and CHECK where the version has them, ADD, DEL and DEL again. */
function attach(side: Side, config: Config): void {
  const version = String(config["cniVersion"]);
  if (version === "1.1.0") side.step("STATUS", config, { plugin });
  const prevResult = side.add(config, { plugin });
  for (const { gateway } of Object(prevResult).ips ?? [])
    side.lab.run(["ping", "-n", "-c1", "-w10", String(gateway)], side.netns());
  if (knowsCheck(version)) side.check({ ...config, prevResult }, { plugin });
  side.del({ ...config, ...(knowsCheck(version) && { prevResult }) }, { plugin });
  side.del(config, { plugin });
}

it.each(ALL_VERSIONS)("P1: ptp like the reference: ADD, CHECK, DEL with ipMasq and an MTU, %s", (cniVersion) => {
  expectTwins((side) => attach(side, ptp(side, { cniVersion })), { departures: MEANT });
});

describe.each(SHAPES)("ptp like the reference, %s", (cniVersion) => {
  it.each(["iptables", "nftables"])("P2 P3: the same with ipMasqBackend %s", (ipMasqBackend) => {
    expectTwins((side) => attach(side, ptp(side, { cniVersion, ipMasqBackend })), { departures: MEANT });
  });

  it("P4: both families, with routes", () => {
    expectTwins((side) => attach(side, ptp(side, { cniVersion, ipam: { ranges: DUAL, routes: ROUTES } })), {
      departures: [...MEANT, ...MEANT_6],
    });
  });

  it("P5: keeps IPAM's DNS where none is configured", () => {
    expectTwins((side) => attach(side, ptp(side, { cniVersion, ipam: { resolvConf: resolvConf(side) } })), {
      departures: MEANT,
    });
  });

  it.each<[string, Config]>([
    ["P6", { nameservers: ["10.1.2.53"], domain: "example.org", search: ["example.org"], options: ["rotate"] }],
    ["P7", { nameservers: [], search: [] }],
  ])("%s: configured DNS replaces all of IPAM's: %j", (_, dns) => {
    expectTwins((side) => attach(side, ptp(side, { cniVersion, dns, ipam: { resolvConf: resolvConf(side) } })), {
      departures: MEANT,
    });
  });

  it("P8: DEL of what was never added succeeds", () => {
    expectTwins((side) => side.del(ptp(side, { cniVersion }), { plugin }));
  });
});

describe("what one has attached, the other", () => {
  it.each(SHAPES)("checks and detaches: ADD by ours, CHECK and DEL by the reference, %s", (cniVersion) => {
    expectTwins(
      (side) => {
        const config = ptp(side, { cniVersion, ipMasqBackend: "iptables" });
        const prevResult = side.add(config, { plugin });
        const bin = referenceDir();
        if (knowsCheck(cniVersion)) side.check({ ...config, prevResult }, { plugin, bin });
        side.del(config, { plugin, bin });
      },
      { departures: MEANT },
    );
  });

  it.each(SHAPES)("checks and detaches: ADD by the reference, CHECK and DEL by ours, %s", (cniVersion) => {
    expectTwins((side) => {
      const config = ptp(side, { cniVersion });
      const prevResult = side.add(config, { plugin, bin: referenceDir() });
      if (knowsCheck(cniVersion)) side.check({ ...config, prevResult }, { plugin });
      side.del(config, { plugin });
      expect(left(side)).toEqual({ links: ["lo"], leases: [], rules: 0 });
    });
  });
});

/** What is left on the host. */
function left(side: Side) {
  const links = side.lab.ip("link show").map((link) => String(Object(link).ifname).replace(/^veth.*/, "veth"));
  const rules = `${side.lab.run(["nft", "list", "ruleset"])}${side.lab.run(["iptables-save"])}`;
  const leases = side.lab.leases("testConfig").filter((name) => /^[\d.]+$/.test(name));
  return { links, leases, rules: rules.split("\n").filter((line) => line.includes("10.1.2.2")).length };
}

/** A network whose addresses are these. */
function fixed(side: Side, ipam: Config): { config: Config; options: object } {
  const environment = { CNI_PATH: `${side.bin}:${referenceDir()}` };
  return {
    config: ptp(side, { cniVersion: "1.1.0", ipMasq: false, ipam: { type: "static", ...ipam } }),
    options: { plugin, environment },
  };
}

describe("ours, unlike the reference,", () => {
  it.each<[string, Config]>([
    ["/32 and its gateway", { addresses: [{ address: "10.9.0.7/32", gateway: "169.254.1.1" }] }],
    ["no gateway", { addresses: [{ address: "10.9.0.7/24" }] }],
    ["no gateway and /32", { addresses: [{ address: "10.9.0.7/32" }] }],
  ])("takes an address with %s", (_, ipam) => {
    const { reference, ours } = playBoth((side) => {
      const { config, options } = fixed(side, ipam);
      side.lab.run(["sh", "-c", "ip address add 192.0.2.1/32 dev lo"]);
      const routes = [{ dst: "0.0.0.0/0" }];
      const added = side.step("ADD", { ...config, ipam: { ...Object(config["ipam"]), routes } }, options);
      const ping = () => side.lab.try(["ping", "-n", "-c1", "-w5", "192.0.2.1"], side.netns()).status;
      return [added.status, added.status === 0 ? ping() : "unreached"];
    });
    expect(reference).toEqual([1, "unreached"]);
    expect(ours).toEqual([0, 0]);
  });

  it("takes two addresses of one subnet", () => {
    const { reference, ours } = playBoth((side) => {
      const addresses = ["10.9.0.7/24", "10.9.0.8/24"].map((address) => ({ address, gateway: "10.9.0.1" }));
      const { config, options } = fixed(side, { addresses });
      return side.step("ADD", config, options).status;
    });
    expect([reference, ours]).toEqual([1, 0]);
  });

  it("refuses an address that another container has, which would not be reached", () => {
    const { reference, ours } = playBoth((side) => {
      const { config, options } = fixed(side, { addresses: [{ address: "10.9.0.7/24", gateway: "10.9.0.1" }] });
      side.step("ADD", config, options);
      const { status, stdout } = side.step("ADD", config, { ...options, containerId: "c2" });
      return [status, JSON.parse(stdout).code];
    });
    expect(reference).toEqual([0, undefined]);
    expect(ours).toEqual([1, 101]);
  });

  it("leaves nothing of an ADD that fails after IPAM", () => {
    const { reference, ours } = playBoth((side) => {
      const config = ptp(side, { cniVersion: "1.1.0", mtu: 1000, ipam: { ranges: DUAL } });
      const { status } = side.step("ADD", config, { plugin });
      return { status, inside: side.lab.ip("link show", side.netns()).length, ...left(side) };
    });
    expect(reference).toMatchObject({ status: 1, inside: 2, links: ["lo", "veth"] });
    expect(ours).toEqual({ status: 1, inside: 1, links: ["lo"], leases: [], rules: 0 });
  });

  it("ends masquerading without the namespace", () => {
    const { reference, ours } = playBoth((side) => {
      const config = ptp(side, { cniVersion: "1.1.0" });
      side.add(config, { plugin });
      side.removeNetns();
      side.del(config, { plugin, netns: "" });
      return left(side);
    });
    expect(reference.rules).toBeGreaterThan(0);
    expect(ours).toEqual({ links: ["lo"], leases: [], rules: 0 });
  });

  it("detaches by GC what the runtime does not list", () => {
    const { reference, ours } = playBoth((side) => {
      const config = ptp(side, { cniVersion: "1.1.0" });
      side.add(config, { plugin });
      side.step("GC", { ...config, "cni.dev/valid-attachments": [] }, { plugin });
      return left(side);
    });
    expect(reference).toMatchObject({ links: ["lo", "veth"], leases: ["10.1.2.2"] });
    expect(ours).toEqual({ links: ["lo"], leases: [], rules: 0 });
  });
});
