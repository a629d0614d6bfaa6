import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Call, Lab, type Outcome } from "../lab.ts";
import { addOutside, pathFor, reached, rulesAbout, type Variant } from "./masquerading.ts";

const BOTH = { 4: true, 6: true };
const NEITHER = { 4: false, 6: false };

/** What the lab's containers have in the host's rules, whoever made them. */
const TRACES = ["10.88.0.", "fd00:88::", "CNI-", '"net1"', "net: net1"];

let lab: Lab;
let netns: string;
let base: Readonly<Record<string, unknown>>;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  const ranges = [[{ subnet: "10.88.0.0/24" }], [{ subnet: "fd00:88::/64" }]];
  const routes = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges, routes };
  base = { cniVersion: "1.1.0", name: "net1", type: "ptp", ipMasq: true, ipam };
});

afterEach(() => lab.dispose());

type More = Partial<Call> & { readonly variant?: Variant };

function run(command: string, config: unknown, { variant, ...more }: More = {}): Outcome {
  const environment = { ...(variant === undefined ? {} : { PATH: pathFor(lab, variant) }), ...more.environment };
  return lab.plugin("ptp", { command, config, netns, ...more, environment });
}

function succeed(command: string, config: unknown, more: More = {}) {
  const outcome = run(command, config, more);
  expect(outcome).toMatchObject({ status: 0, stderr: "" });
  return command === "ADD" ? JSON.parse(outcome.stdout) : undefined;
}

function refuse(command: string, config: unknown, more: More = {}) {
  const outcome = run(command, config, more);
  expect(outcome.status).toBe(1);
  return JSON.parse(outcome.stdout);
}

/** What is left of all containers. */
function left() {
  const leases = lab.leases("net1").filter((name) => /^[\d.]+$|^[\da-f:]+$/.test(name));
  const veths = lab.ip("link show type veth").filter((link) => Object(link).ifname !== "up0");
  return { veths: veths.length, leases, rules: rulesAbout(lab, ...TRACES) };
}

const NOTHING = { veths: 0, leases: [], rules: [] };

function isReached(from: string, to: string): boolean {
  return lab.try(["ping", "-n", "-c1", "-W5", to], from).status === 0;
}

describe("ptp", () => {
  it("gives host and container a way to each other, and containers one to each other, of both families", () => {
    const second = lab.addNamespace("c2");
    const { interfaces, ips } = succeed("ADD", base);
    succeed("ADD", base, { netns: second, containerId: "c2" });
    expect(interfaces.map(({ name }: { name: string }) => name)).toEqual([expect.stringMatching(/^veth/), "eth0"]);
    expect(ips).toMatchObject([
      { address: "10.88.0.2/24", gateway: "10.88.0.1", interface: 1 },
      { address: "fd00:88::2/64", gateway: "fd00:88::1", interface: 1 },
    ]);
    for (const to of ["10.88.0.1", "fd00:88::1", "10.88.0.3", "fd00:88::3"])
      expect(isReached(netns, to), to).toBe(true);
    for (const to of ["10.88.0.2", "fd00:88::2"]) expect(isReached(lab.host, to), to).toBe(true);
    succeed("DEL", base);
    expect(isReached(second, "10.88.0.1")).toBe(true);
    succeed("DEL", base, { netns: second, containerId: "c2" });
    expect(left()).toEqual(NOTHING);
  });

  it.each([
    [{ address: "10.94.0.1/31", gateway: "10.94.0.0" }],
    [{ address: "10.94.0.7/32", gateway: "169.254.1.1" }],
    [{ address: "10.94.0.7/32" }],
  ])("reaches the host with %j, CHECK finds it, and DEL leaves nothing", (given) => {
    const ipam = { type: "static", addresses: [given], routes: [{ dst: "0.0.0.0/0" }] };
    lab.run(["ip", "address", "add", "192.0.2.1/32", "dev", "lo"]);
    const prevResult = succeed("ADD", { ...base, ipam });
    expect(isReached(netns, "192.0.2.1")).toBe(true);
    expect(isReached(lab.host, given.address.replace(/\/.*/, ""))).toBe(true);
    succeed("CHECK", { ...base, ipam, prevResult });
    succeed("DEL", { ...base, ipam });
    expect(left()).toEqual(NOTHING);
  });

  it("sets mtu and advmss of routes", () => {
    const routes = [{ dst: "10.1.0.0/16", mtu: 1400, advmss: 1300, priority: 7 }];
    const ipam = { type: "static", addresses: [{ address: "10.94.0.2/24", gateway: "10.94.0.1" }], routes };
    const prevResult = succeed("ADD", { ...base, ipam });
    expect(lab.ip("-details route show 10.1.0.0/16", netns)).toMatchObject([
      { gateway: "10.94.0.1", metric: 7, metrics: [{ mtu: 1400, advmss: 1300 }] },
    ]);
    succeed("CHECK", { ...base, ipam, prevResult });
  });

  it("takes a route by 0.0.0.0 for one without a gateway, as other plugins do", () => {
    const routes = [{ dst: "10.1.0.0/16", gw: "0.0.0.0" }];
    const ipam = { type: "static", addresses: [{ address: "10.94.0.2/24", gateway: "10.94.0.1" }], routes };
    const prevResult = succeed("ADD", { ...base, ipam });
    expect(lab.ip("route show 10.1.0.0/16", netns)).toMatchObject([{ dst: "10.1.0.0/16", dev: "eth0" }]);
    succeed("CHECK", { ...base, ipam, prevResult });
  });

  // Duplicate address detection of the host's end would take more than a second at every try. A busy machine may take that once.
  it("is reached from elsewhere the moment that ADD returns", { retry: 3 }, () => {
    addOutside(lab);
    const outside = `/run/netns/${lab.id}-outside`;
    for (const [to, by] of [
      ["10.88.0.0/24", "203.0.113.1"],
      ["fd00:88::/64", "2001:db8:f::1"],
    ] as const)
      lab.run(["ip", "route", "add", to, "via", by], outside);
    succeed("ADD", { ...base, ipMasq: false });
    for (const to of ["fd00:88::2", "10.88.0.2"])
      expect(lab.try(["ping", "-n", "-c1", "-W1", to], outside).status, to).toBe(0);
  });

  const BACKENDS: readonly [string, string | undefined, Variant][] = [
    ["no backend named", undefined, "nft"],
    ["nftables", "nftables", "nft"],
    ["iptables, kept in nf_tables", "iptables", "nft"],
    ["iptables-legacy", "iptables", "legacy"],
  ];

  it.each(BACKENDS)(
    "masquerades with %s from ADD on, CHECK finds it, DEL ends it without a trace",
    (_, ipMasqBackend, variant) => {
      addOutside(lab);
      const config = { ...base, ...(ipMasqBackend !== undefined && { ipMasqBackend }) };
      const prevResult = succeed("ADD", config, { variant });
      expect(reached(lab, netns)).toEqual(BOTH);
      succeed("CHECK", { ...config, prevResult }, { variant });
      for (const tool of ["iptables", "ip6tables"]) lab.run([`${tool}-${variant}`, "-t", "nat", "-F"]);
      lab.try(["nft", "flush", "table", "inet", "cni_masquerade"]);
      expect(refuse("CHECK", { ...config, prevResult }, { variant }).code).toBe(104);
      succeed("DEL", { ...config, prevResult }, { variant });
      expect(left()).toEqual(NOTHING);
    },
  );

  it("reaches nothing outside without ipMasq", () => {
    addOutside(lab);
    succeed("ADD", { ...base, ipMasq: false });
    expect(reached(lab, netns, { seconds: 1 })).toEqual(NEITHER);
  });

  it("forwards on a host that turns forwarding and IPv6 off for new links", () => {
    addOutside(lab);
    const off = ["ipv4/conf/default/forwarding", "ipv6/conf/default/forwarding"].map(
      (name) => `echo 0 > /proc/sys/net/${name}`,
    );
    lab.run([
      "sh",
      "-ec",
      `echo 1 > /proc/sys/net/ipv4/ip_forward; ${off.join("; ")}; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6`,
    ]);
    succeed("ADD", base);
    expect(reached(lab, netns)).toEqual(BOTH);
  });
});

describe("DEL of ptp", () => {
  it.each<[string, () => Partial<Call>]>([
    ["without the namespace's path", () => ({ netns: "" })],
    ["with a path that is gone", () => ({ netns: "/run/netns/gone" })],
    [
      "with a file at the path",
      () => {
        const file = path.join(lab.dir, "file");
        fs.writeFileSync(file, "");
        return { netns: file };
      },
    ],
    ["with another container at the path", () => ({ netns: lab.addNamespace("other") })],
    ["with a configuration that is no longer valid", () => ({ config: { ...base, mtu: "many", ipMasqBackend: "x" } })],
  ])("%s takes interface, rules and lease away, and twice is once", (_, more) => {
    succeed("ADD", base);
    const { config = base, ...rest } = more();
    succeed("DEL", config, rest);
    expect(left()).toEqual(NOTHING);
    expect(lab.ip("link show", netns)).toHaveLength(1);
    succeed("DEL", config, rest);
  });

  it("finds the interface by its host end where the container has renamed it", () => {
    succeed("ADD", base);
    lab.run(["ip", "link", "set", "eth0", "down"], netns);
    lab.run(["ip", "link", "set", "eth0", "name", "wan"], netns);
    succeed("DEL", base);
    expect(left()).toEqual(NOTHING);
  });

  it("touches no interface of another attachment that has its place by now", () => {
    succeed("ADD", base, { containerId: "new" });
    succeed("DEL", base, { containerId: "old" });
    expect(isReached(netns, "10.88.0.1")).toBe(true);
    expect(left().leases).toHaveLength(2);
  });
});

const crossed = { type: "static", addresses: [{ address: "10.9.0.2/24", gateway: "fd00::1" }] };

describe("ADD of ptp", () => {
  it.each<[string, object, number]>([
    ["no IPAM plugin", { ipam: {} }, 7],
    ["an unknown backend", { ipMasqBackend: "ebtables" }, 7],
    ["an MTU that IPv6 cannot have", { mtu: 1000 }, 7],
    ["an MTU that a veth cannot have", { mtu: 100_000 }, 107],
    ["an IPAM plugin that is not there", { ipam: { type: "none" } }, 108],
    ["a gateway of the other family", { ipam: crossed }, 108],
    ["ranges that IPAM refuses", { ipam: { type: "host-local", ranges: [[{ subnet: "10.9.0.1/24" }]] } }, 7],
  ])("with %s fails, and leaves nothing", (_, fields, code) => {
    expect(refuse("ADD", { ...base, ...fields }).code).toBe(code);
    expect(left()).toEqual(NOTHING);
    expect(lab.ip("link show", netns)).toHaveLength(1);
  });

  it("refuses a name that the container has, and keeps that attachment", () => {
    succeed("ADD", base);
    expect(refuse("ADD", base).code).toBe(105);
    expect(isReached(netns, "10.88.0.1")).toBe(true);
    expect(left().leases).toHaveLength(2);
  });

  it.each<[string, string, string]>([
    [
      "another link leads to",
      "ip link add up1 type bridge; ip link set up1 up; ip route add 10.88.0.2/32 dev up1",
      'link "up1"',
    ],
    ["the host itself has", "ip address add 10.88.0.2/32 dev lo", "it is the host's own"],
  ])("refuses an address that %s, and gives it back", (_, command, says) => {
    lab.run(["sh", "-ec", command]);
    expect(refuse("ADD", base)).toMatchObject({ code: 101, msg: expect.stringContaining(says) });
    expect(left()).toEqual(NOTHING);
  });
});

describe("CHECK and GC of ptp", () => {
  it.each<[string, string, "host" | "inside", string]>([
    ["the gateway's address", "ip address del 10.88.0.1/32 dev PORT", "host", "has no address 10.88.0.1/32"],
    ["the host's route", "ip route del 10.88.0.2", "host", "The host does not reach 10.88.0.2 through link"],
    ["forwarding", "sysctl -qw net.ipv4.ip_forward=0", "host", "The host does not forward IPv4"],
    ["the host's end", "ip link set PORT down", "host", "is down, expected up"],
    ["the way to the gateway", "ip -6 route del fd00:88::1 dev eth0", "inside", "Route fd00:88::1/128 is missing"],
    ["the default route", "ip route del default", "inside", "Route 0.0.0.0/0 is missing"],
  ])("CHECK says that %s is missing", (_, command, where, says) => {
    const prevResult = succeed("ADD", base);
    succeed("CHECK", { ...base, prevResult });
    const port = prevResult.interfaces[0].name;
    lab.run(["sh", "-ec", command.replace("PORT", port)], where === "host" ? lab.host : netns);
    expect(refuse("CHECK", { ...base, prevResult })).toMatchObject({ code: 104, msg: expect.stringContaining(says) });
  });

  it("GC takes away what the runtime does not list, and nothing of another network", () => {
    const other = { ...base, name: "net2", ipam: { ...Object(base["ipam"]), ranges: [[{ subnet: "10.89.0.0/24" }]] } };
    succeed("ADD", base);
    for (const [containerId, config] of [
      ["c2", base],
      ["c3", other],
    ] as const)
      succeed("ADD", config, { containerId, netns: lab.addNamespace(containerId) });
    const valid = [{ containerID: "c2", ifname: "eth0" }];
    const collected = run(
      "GC",
      { ...base, "cni.dev/valid-attachments": valid },
      { containerId: "", ifname: "", netns: "" },
    );
    expect(collected).toMatchObject({ status: 0, stderr: expect.stringContaining("10.88.0.2 of container c1") });
    expect(lab.ip("link show", netns)).toHaveLength(1);
    expect(left()).toMatchObject({ veths: 2, leases: ["10.88.0.3", "fd00:88::3"] });
    expect(rulesAbout(lab, "10.88.0.2", "fd00:88::2")).toEqual([]);
    for (const address of ["10.88.0.3", "10.89.0.2"]) expect(rulesAbout(lab, address)).toHaveLength(1);
  });

  it("STATUS succeeds, and says what is missing", () => {
    const more = { containerId: "", ifname: "", netns: "" };
    succeed("STATUS", base, more);
    expect(refuse("STATUS", { ...base, ipam: { type: "none" } }, more).code).toBe(50);
  });
});
