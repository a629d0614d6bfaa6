import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab, type Outcome } from "../lab.ts";

interface AddResult {
  readonly interfaces: readonly { name: string; mac: string; mtu?: number; sandbox?: string }[];
  readonly ips?: readonly { address: string; gateway?: string; interface?: number }[];
  readonly routes?: readonly { dst: string; gw?: string }[];
  readonly dns?: unknown;
}

let lab: Lab;
let netns: string;
let base: Readonly<Record<string, unknown>>;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.88.0.0/24" }]] };
  base = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipam };
});

afterEach(() => lab.dispose());

function run(command: string, config: unknown, more: Partial<Parameters<Lab["plugin"]>[1]> = {}): Outcome {
  return lab.plugin("bridge", { command, config, netns, ...more });
}

function add(config: unknown, more: Partial<Parameters<Lab["plugin"]>[1]> = {}): AddResult {
  const outcome = run("ADD", config, more);
  expect(outcome).toMatchObject({ status: 0, stderr: "" });
  return JSON.parse(outcome.stdout);
}

function refuse(command: string, config: unknown, more: Partial<Parameters<Lab["plugin"]>[1]> = {}) {
  const outcome = run(command, config, more);
  expect(outcome.status).toBe(1);
  return JSON.parse(outcome.stdout);
}

function dualStack(): Record<string, unknown> {
  const ranges = [[{ subnet: "10.88.0.0/24" }], [{ subnet: "fd00:88::/64" }]];
  return { ...base, ipam: { type: "host-local", dataDir: lab.dataDir, ranges } };
}

function link(name: string, where = lab.host): Record<string, unknown> {
  const [found] = lab.ip(`-details link show dev ${name}`, where);
  if (typeof found !== "object" || found === null) throw new Error(`no link ${name}`);
  return { ...found };
}

function linkNames(where = lab.host): string[] {
  return lab.ip("link show", where).map((each) => String(Object(each).ifname));
}

describe("bridge ADD", () => {
  it("reports bridge, port and container interface in this order, with the MACs and MTUs that they have", () => {
    const { interfaces, ips } = add(base);
    expect(interfaces.map(({ name }) => name.replace(/^veth[0-9a-f]{8}$/, "veth"))).toEqual(["br0", "veth", "eth0"]);
    expect(interfaces.map(({ sandbox }) => sandbox)).toEqual([undefined, undefined, netns]);
    expect(link("br0")).toMatchObject({ address: interfaces[0]?.mac, operstate: "UP" });
    expect(link(interfaces[1]?.name ?? "")).toMatchObject({ address: interfaces[1]?.mac, master: "br0" });
    expect(link("eth0", netns)).toMatchObject({ address: interfaces[2]?.mac, operstate: "UP", mtu: 1500 });
    expect(ips).toEqual([{ address: "10.88.0.2/24", gateway: "10.88.0.1", interface: 2 }]);
  });

  it("leaves an address that answers with the first packet, in both families", () => {
    add({ ...dualStack(), isDefaultGateway: true });
    lab.run(["ping", "-c1", "-W10", "10.88.0.2"]);
    lab.run(["ping", "-c1", "-W10", "fd00:88::2"]);
    lab.run(["ping", "-c1", "-W10", "10.88.0.1"], netns);
    lab.run(["ping", "-c1", "-W10", "fd00:88::1"], netns);
  });

  it("announces IPv4 by gratuitous ARP and IPv6 by neighbour advertisement: a neighbour that knew another MAC learns the new one", () => {
    add(dualStack());
    const other = lab.addNamespace("c2");
    lab.plugin("bridge", { command: "ADD", config: dualStack(), netns: other, containerId: "c2" });
    lab.run(["ping", "-c1", "-W10", "10.88.0.2"], other);
    lab.run(["ping", "-c1", "-W10", "fd00:88::2"], other);
    const before = link("eth0", netns)["address"];
    run("DEL", dualStack());
    const { ipam, ...rest } = dualStack();
    const again = {
      ...rest,
      ipam: { ...Object(ipam), type: "host-local" },
      args: { cni: { ips: ["10.88.0.2", "fd00:88::2"] } },
    };
    const { interfaces } = add(again, { containerId: "c3" });
    const mac = interfaces[2]?.mac;
    expect(mac).not.toBe(before);
    const known = lab.ip("neigh show dev eth0", other).map((each) => Object(each));
    expect(known.find(({ dst }) => dst === "10.88.0.2")).toMatchObject({ lladdr: mac });
    expect(known.find(({ dst }) => dst === "fd00:88::2")).toMatchObject({ lladdr: mac });
  });

  it("isDefaultGateway: gives the container its default routes and the host forwarding", () => {
    const { routes } = add({ ...dualStack(), isDefaultGateway: true });
    expect(routes).toEqual([
      { dst: "0.0.0.0/0", gw: "10.88.0.1" },
      { dst: "::/0", gw: "fd00:88::1" },
    ]);
    expect(lab.ip("-4 route show default", netns)).toMatchObject([{ dst: "default", gateway: "10.88.0.1" }]);
    expect(lab.ip("-6 route show default", netns)).toMatchObject([{ dst: "default", gateway: "fd00:88::1" }]);
    expect(lab.run(["cat", "/proc/sys/net/ipv4/ip_forward"])).toBe("1\n");
    expect(lab.run(["cat", "/proc/sys/net/ipv6/conf/all/forwarding"])).toBe("1\n");
  });

  it("isDefaultGateway together with IPAM's default route without a gateway makes one route", () => {
    const routes = [{ dst: "0.0.0.0/0" }];
    add({ ...base, isDefaultGateway: true, ipam: { ...Object(base["ipam"]), routes } });
    expect(lab.ip("-4 route show default", netns)).toMatchObject([{ dst: "default", gateway: "10.88.0.1" }]);
  });

  it("programs a route's mtu, advmss, priority, table and scope", () => {
    const routes = [
      { dst: "10.1.0.0/16", gw: "10.88.0.9", mtu: 1400, advmss: 1300, priority: 7 },
      { dst: "10.2.0.0/16", table: 1000 },
      { dst: "10.3.0.0/16", scope: 200 },
    ];
    add({ ...base, ipam: { ...Object(base["ipam"]), routes } });
    expect(lab.ip("route show 10.1.0.0/16", netns)).toMatchObject([
      { gateway: "10.88.0.9", metric: 7, metrics: [{ mtu: 1400, advmss: 1300 }] },
    ]);
    expect(lab.ip("route show 10.3.0.0/16 scope site", netns)).toHaveLength(1);
    expect(lab.ip("route show table 1000", netns)).toMatchObject([{ dst: "10.2.0.0/16", gateway: "10.88.0.1" }]);
  });

  it("gives bridge and veth the configured MTU", () => {
    const { interfaces } = add({ ...base, mtu: 1400 });
    expect(interfaces.map(({ mtu }) => mtu)).toEqual([1400, 1400, 1400]);
    expect([link("br0")["mtu"], link("eth0", netns)["mtu"]]).toEqual([1400, 1400]);
  });

  it.each([
    ["hairpinMode", { hairpin: true, isolated: false }],
    ["portIsolation", { hairpin: false, isolated: true }],
  ])("%s: sets the bridge port so", (key, expected) => {
    const { interfaces } = add({ ...base, [key]: true });
    const { linkinfo } = Object(link(interfaces[1]?.name ?? ""));
    expect(linkinfo.info_slave_data).toMatchObject(expected);
  });

  it("promiscMode: makes the bridge promiscuous, be it new or there already", () => {
    lab.run(["ip", "link", "add", "br0", "type", "bridge"]);
    add({ ...base, promiscMode: true });
    expect(link("br0")).toMatchObject({ promiscuity: 1 });
  });

  it("enabledad: waits until each IPv6 address is known to be unique, and refuses one that is taken", () => {
    add({ ...dualStack(), enabledad: true });
    expect(lab.ip("-6 address show dev eth0 tentative scope global", netns)).toEqual([]);
    const other = lab.addNamespace("c2");
    lab.run(["ip", "address", "add", "fd00:88::3/64", "dev", "br0", "nodad"]);
    const refused = refuse("ADD", { ...dualStack(), enabledad: true }, { netns: other, containerId: "c2" });
    expect(refused).toMatchObject({ code: 101, msg: "link eth0 has address fd00:88::3/64 in DADFAILED state" });
    expect(linkNames(other)).toEqual(["lo"]);
  });

  it.each([
    ["CNI_ARGS", {}, "02:00:00:00:00:01"],
    ["args.cni over CNI_ARGS", { args: { cni: { mac: "02:00:00:00:00:02" } } }, "02:00:00:00:00:02"],
    [
      "runtimeConfig over both",
      { args: { cni: { mac: "02:00:00:00:00:02" } }, RuntimeConfig: { mac: "02:00:00:00:00:03" } },
      "02:00:00:00:00:03",
    ],
  ])("takes the MAC from %s", (_, fields, mac) => {
    const { interfaces } = add({ ...base, ...fields }, { args: "IgnoreUnknown=1;MAC=02:00:00:00:00:01" });
    expect(interfaces[2]?.mac).toBe(mac);
    expect(link("eth0", netns)["address"]).toBe(mac);
  });

  it("on layer 2: connects the container and gives it no address", () => {
    const { interfaces, ips } = add({ ...base, isGateway: false, ipam: {} });
    expect(interfaces).toHaveLength(3);
    expect(ips).toBeUndefined();
    expect(link("eth0", netns)).toMatchObject({ operstate: "UP" });
  });

  it("disableContainerInterface: leaves the container's interface down", () => {
    add({ ...base, isGateway: false, ipam: {}, disableContainerInterface: true });
    expect(link("eth0", netns)).toMatchObject({ operstate: "DOWN" });
  });

  it("dns: replaces IPAM's", () => {
    expect(add({ ...base, dns: { nameservers: ["10.0.0.53"], search: ["a.example"] } }).dns).toEqual({
      nameservers: ["10.0.0.53"],
      search: ["a.example"],
    });
  });

  it("keeps an existing bridge, its index and its MTU", () => {
    lab.run(["ip", "link", "add", "br0", "mtu", "1300", "type", "bridge"]);
    const before = link("br0");
    add(base);
    expect(link("br0")).toMatchObject({ ifindex: before["ifindex"], operstate: "UP" });
  });

  it("keeps the bridge's MAC while containers come and go, also of a bridge that nobody gave one", () => {
    lab.run(["ip", "link", "add", "br0", "type", "bridge"]);
    lab.run(["ip", "link", "set", "br0", "up"]);
    const config = { ...base, isGateway: false, ipam: {} };
    const macs = new Set<unknown>();
    for (let index = 0; index < 6; index++) {
      const container = lab.addNamespace(`m${index}`);
      lab.plugin("bridge", { command: "ADD", config, netns: container, containerId: `m${index}` });
      macs.add(link("br0")["address"]);
      if (index % 2 === 1) lab.plugin("bridge", { command: "DEL", config, netns: container, containerId: `m${index}` });
      macs.add(link("br0")["address"]);
    }
    expect(macs.size).toBe(1);
  });

  it("keeps router advertisements away from the host", () => {
    const { interfaces } = add(base);
    for (const name of ["br0", interfaces[1]?.name]) {
      expect(lab.run(["cat", `/proc/sys/net/ipv6/conf/${name}/accept_ra`])).toBe("0\n");
    }
  });

  it("refuses a bridge with another IPv4 address, and replaces it with forceAddress", () => {
    lab.run(["ip", "link", "add", "br0", "type", "bridge"]);
    lab.run(["ip", "address", "add", "10.9.0.1/24", "dev", "br0"]);
    expect(refuse("ADD", base)).toMatchObject({
      code: 106,
      msg: '"br0" already has an IP address different from 10.88.0.1/24',
    });
    expect(linkNames(netns)).toEqual(["lo"]);
    expect(lab.leases("net1").filter((name) => name.startsWith("10."))).toEqual([]);
    add({ ...base, forceAddress: true });
    expect(Object(lab.ip("-4 address show dev br0")[0]).addr_info).toMatchObject([
      { local: "10.88.0.1", prefixlen: 24 },
    ]);
  });

  it("refuses a name that belongs to another kind of link", () => {
    lab.run(["ip", "link", "add", "br0", "type", "veth", "peer", "name", "other"]);
    expect(refuse("ADD", base)).toMatchObject({ code: 106, msg: '"br0" already exists but is not a bridge' });
    expect(linkNames().sort()).toEqual(["br0", "lo", "other"]);
  });

  it("refuses a second interface of the same name, and the first keeps working and its lease", () => {
    add(base);
    expect(refuse("ADD", base)).toMatchObject({ code: 105 });
    expect(lab.leases("net1")).toContain("10.88.0.2");
    lab.run(["ping", "-c1", "-W10", "10.88.0.2"]);
  });

  it("refuses the host's own namespace before anything is touched, in one document", () => {
    expect(refuse("ADD", base, { netns: lab.host })).toMatchObject({
      code: 8,
      msg: "plugin's netns and netns from CNI_NETNS should not be the same",
    });
    expect(linkNames()).toEqual(["lo"]);
  });
});

describe("bridge DEL", () => {
  it("removes interface, lease and masquerading, and again is the same as once", () => {
    const config = { ...dualStack(), ipMasq: true };
    add(config);
    for (let time = 0; time < 2; time++)
      expect(run("DEL", config)).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(linkNames(netns)).toEqual(["lo"]);
    expect(linkNames()).toEqual(["lo", "br0"]);
    expect(lab.leases("net1").filter((name) => /^(10|fd)/.test(name))).toEqual([]);
    expect(lab.run(["nft", "list", "table", "inet", "cni_masquerade"])).not.toContain("net1");
  });

  it.each([
    ["is not named", () => ""],
    ["is gone", (path: string) => path],
    ["is a plain file by now", (path: string) => path],
  ])("cleans everything when the namespace %s", (how, path) => {
    const config = { ...base, ipMasq: true };
    const unmounted = `${lab.dir}/netns`;
    const where = how.includes("plain") ? unmounted : netns;
    add(config);
    lab.deleteNamespace(netns);
    if (how.includes("plain")) lab.run(["touch", unmounted]);
    expect(run("DEL", config, { netns: path(where) })).toMatchObject({ status: 0, stdout: "" });
    expect(lab.leases("net1").filter((name) => name.startsWith("10."))).toEqual([]);
    expect(lab.run(["nft", "list", "table", "inet", "cni_masquerade"])).not.toContain("net1");
  });

  it.each(["nftables", "iptables"])("cleans everything else when the interface is gone, %s", (ipMasqBackend) => {
    const config = { ...dualStack(), ipMasq: true, ipMasqBackend };
    add(config);
    lab.run(["ip", "link", "del", "eth0"], netns);
    expect(run("DEL", config)).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(lab.leases("net1").filter((name) => /^(10|fd)/.test(name))).toEqual([]);
    expect(lab.run(["nft", "list", "ruleset"])).not.toMatch(/net1|CNI-[0-9a-f]/);
  });

  it("works with a configuration that has become invalid, and with arguments that it does not know", () => {
    add(base);
    const broken = { ...base, mtu: "many", vlan: 5000, hairpinMode: true, promiscMode: true };
    expect(run("DEL", broken, { args: "UNKNOWN=1" })).toMatchObject({ status: 0 });
    expect(linkNames(netns)).toEqual(["lo"]);
    expect(lab.leases("net1")).not.toContain("10.88.0.2");
  });

  it("leaves another interface of the container, and its lease", () => {
    for (const ifname of ["eth0", "net1"]) add(base, { ifname });
    expect(run("DEL", base, { ifname: "net1" })).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(lab.leases("net1")).toContain("10.88.0.2");
    expect(lab.leases("net1")).not.toContain("10.88.0.3");
    expect(linkNames(netns)).toEqual(["lo", "eth0"]);
    expect(run("DEL", base, { ifname: "lo" })).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(linkNames(netns)).toEqual(["lo", "eth0"]);
  });
});

describe("bridge CHECK", () => {
  function check(config: Record<string, unknown>, prevResult: unknown): Outcome {
    return run("CHECK", { ...config, prevResult });
  }

  it.each([
    ["layer 3, dual stack, masqueraded", () => ({ ...dualStack(), ipMasq: true, isDefaultGateway: true })],
    ["layer 2", () => ({ ...base, isGateway: false, ipam: {} })],
    [
      "routes in another table",
      () => ({
        ...base,
        ipam: { ...Object(base["ipam"]), routes: [{ dst: "10.2.0.0/16", table: 1000 }] },
      }),
    ],
  ])("finds what ADD made in order: %s", (_, config) => {
    const result = add(config());
    expect(check(config(), result)).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });

  it.each([
    ["ip address del 10.88.0.2/24 dev eth0", 'Interface "eth0" has no address 10.88.0.2/24, found '],
    ["ip route del default", "Route 0.0.0.0/0 via 10.88.0.1 is missing"],
    ["ip link set eth0 address 02:00:00:00:00:99", 'Interface "eth0" in'],
  ])("says what differs in the container after: %s", (command, text) => {
    const config = { ...base, isDefaultGateway: true };
    const result = add(config);
    lab.run(command.split(" "), netns);
    const error = JSON.parse(check(config, result).stdout);
    expect(error.code).toBe(104);
    expect(error.msg).toContain(text);
  });

  it("says what differs on the host: port, masquerading", () => {
    const config = { ...base, ipMasq: true };
    const result = add(config);
    lab.run(["nft", "flush", "map", "inet", "cni_masquerade", "sources4"]);
    lab.run(["ip", "link", "set", result.interfaces[1]?.name ?? "", "nomaster"]);
    expect(JSON.parse(check(config, result).stdout)).toMatchObject({
      code: 104,
      msg: `Port "${result.interfaces[1]?.name}" is not a port of bridge "br0"; Address 10.88.0.2 is not masqueraded for this attachment`,
    });
  });

  it.each([
    ["ip address del 10.88.0.1/24 dev br0", 'Bridge "br0" has no address 10.88.0.1/24, found fd00:88::1/64, fe80::'],
    ["ip address del fd00:88::1/64 dev br0", 'Bridge "br0" has no address fd00:88::1/64, found 10.88.0.1/24, fe80::'],
    ["sysctl -w net.ipv4.ip_forward=0", "The host does not forward IPv4: net.ipv4.ip_forward is 0, expected 1"],
    ["sysctl -w net.ipv6.conf.all.forwarding=0", "The host does not forward IPv6: net.ipv6.conf.all.forwarding is 0"],
    ["ip link set br0 down", 'Bridge "br0" is down, expected up'],
    ["ip link set br0 address 02:00:00:00:00:99", 'Bridge "br0" has MAC 02:00:00:00:00:99, expected '],
    ["ip link set PORT mtu 1400", "has MTU 1400, expected 1500"],
    ["bridge link set dev PORT hairpin off", "has hairpin mode off, expected on"],
    ["bridge link set dev PORT isolated off", "is isolated off, expected on"],
    ["ip link set PORT down", "is down, expected up"],
    ["ip link set PORT nomaster", 'is not a port of bridge "br0"'],
  ])("says what differs on the host after: %s", (command, text) => {
    const config = { ...dualStack(), hairpinMode: true, portIsolation: true };
    const result = add(config);
    lab.run(command.replace("PORT", result.interfaces[1]?.name ?? "").split(" "));
    const error = JSON.parse(check(config, result).stdout);
    expect(error.code).toBe(104);
    expect(error.msg).toContain(text);
  });

  it("looks for the configured MTU where the result tells none", () => {
    const config = { ...base, cniVersion: "0.4.0", mtu: 1400 };
    const result = add(config);
    expect(check(config, result)).toMatchObject({ status: 0, stdout: "", stderr: "" });
    lab.run(["ip", "link", "set", result.interfaces[1]?.name ?? "", "mtu", "1500"]);
    expect(JSON.parse(check(config, result).stdout).msg).toMatch(/^Port "veth.*" has MTU 1500, expected 1400$/);
  });

  it("tolerates what later plugins of a list and udev change: the container's MTU, promiscuity and reported MAC, the port's MAC", () => {
    const { interfaces, ...rest } = add(base);
    const mac = "02:00:00:00:00:77";
    lab.run(["ip", "link", "set", "eth0", "mtu", "1400", "promisc", "on", "address", mac], netns);
    lab.run(["ip", "link", "set", interfaces[1]?.name ?? "", "address", "02:00:00:00:00:78"]);
    const tuned = { ...rest, interfaces: interfaces.map((each) => (each.name === "eth0" ? { ...each, mac } : each)) };
    expect(check(base, tuned)).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });

  it("passes on what IPAM finds, and needs prevResult", () => {
    const result = add(base);
    lab.run(["rm", `${lab.dataDir}/net1/10.88.0.2`]);
    expect(JSON.parse(check(base, result).stdout).msg).toContain("Failed to find address added by container c1");
    expect(refuse("CHECK", base)).toMatchObject({ code: 7, msg: "Required prevResult missing" });
  });
});
