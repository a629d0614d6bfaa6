import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab, type Outcome } from "../lab.ts";

let lab: Lab;
let netns: string;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
});

afterEach(() => lab.dispose());

/** A container's two interfaces, whose other ends are in another namespace, with routes of every kind through the second. */
const SETTING = `
  ip link set lo up
  for link in eth0 net1; do
    ip link add $link type veth peer name $link-peer; ip link set $link-peer up; ip link set $link up
  done
  while ip -6 address show | grep -q tentative; do sleep 0.1; done
  ip address add 10.0.0.2/24 dev eth0; ip address add fd00:20::2/64 dev eth0 nodad
  ip address add 10.21.0.2/24 dev net1; ip address add 10.21.0.3/24 dev net1
  ip address add fd00:21::2/64 dev net1 nodad; ip address add fd00:22::2/64 dev net1 nodad noprefixroute
  ip route add 10.30.0.0/16 dev net1 scope link
  ip route add 10.31.0.0/16 via 10.21.0.1 metric 50 mtu 1300 src 10.21.0.3
  ip route add 10.32.0.0/16 via 172.16.0.1 dev net1 onlink proto 67
  ip route add 10.40.0.0/16 nexthop via 10.21.0.1 weight 2 nexthop via 10.21.0.9
  ip route add 10.51.0.0/16 via inet6 fd00:21::1 dev net1
  ip route add default nexthop via 10.0.0.1 dev eth0 nexthop via 10.21.0.1 dev net1
  ip route add 10.50.0.0/16 via 10.21.0.1 table 77
  ip -6 route add fd00:31::/64 via fd00:21::1 src fd00:21::2 pref high
  ip -6 route add fd00:32::/64 via fe80::1 dev net1 metric 7 mtu 1290
  ip -6 route add fd00:33::/64 nexthop via fd00:21::1 dev net1 nexthop via fd00:21::9 dev net1
  ip -6 route add default nexthop via fd00:20::1 dev eth0 nexthop via fd00:21::1 dev net1`;

function inside(commands: string): string {
  return lab.run(["sh", "-ec", commands], netns).trim();
}

/** All routes but those of own, broadcast and multicast addresses, and all addresses, in the order of their text. */
function picture(): readonly string[] {
  const routes = inside("ip -4 route show table all; ip -6 route show table all").replaceAll(/\n\t/g, " ").split("\n");
  const isMeant = (line: string) => !/^(local|broadcast|multicast|anycast) /.test(line);
  const addresses = inside("ip -o address show | sed 's/ nodad//; s/ *valid_lft.*//'").split("\n");
  const bare = [...routes.filter(isMeant), ...addresses].map((line) => line.replaceAll(/\s+/g, " ").trim());
  return bare.sort();
}

function routesOf(table: number): readonly string[] {
  const read = (family: number) =>
    inside(`ip -${family} route show table ${table} 2>/dev/null | grep -v -e ^local -e cast || true`);
  const lines = [4, 6].flatMap((family) => read(family).replaceAll(/\n\t/g, " ").split("\n"));
  return lines
    .filter((line) => line !== "")
    .map((line) => line.replaceAll(/\s+/g, " ").trim())
    .sort();
}

const RESULT = {
  cniVersion: "1.1.0",
  interfaces: [{ name: "net1", sandbox: "/run/netns/c1" }],
  ips: [
    { address: "10.21.0.2/24", interface: 0 },
    { address: "fd00:21::2/64", interface: 0 },
  ],
  routes: [{ dst: "10.31.0.0/16", gw: "10.21.0.1" }, { dst: "fd00:31::/64" }],
};

function run(command: string, fields: object = {}, call: { ifname?: string; netns?: string } = {}): Outcome {
  const config = { cniVersion: "1.1.0", name: "n1", type: "vrf", vrfname: "red", prevResult: RESULT, ...fields };
  return lab.plugin("vrf", { command, config, ifname: "net1", netns, ...call });
}

function done(command: string, fields: object = {}, call: { ifname?: string; netns?: string } = {}): void {
  expect(run(command, fields, call)).toMatchObject({ status: 0, stdout: "", stderr: "" });
}

function refusal(command: string, fields: object = {}, call: { ifname?: string } = {}) {
  const { status, stdout } = run(command, fields, call);
  expect(status).toBe(1);
  const { code, msg } = JSON.parse(stdout);
  return [code, msg];
}

function vrfs(): readonly string[] {
  return inside("ip -o link show type vrf | awk '{ print $2 }'")
    .split("\n")
    .filter((name) => name !== "");
}

describe("vrf", () => {
  it("keeps addresses and whole routes, and gives them back", () => {
    inside(SETTING);
    const before = picture();
    const { status, stdout, stderr } = run("ADD");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual(RESULT);
    expect(routesOf(1)).toEqual([
      "10.21.0.0/24 dev net1 proto kernel scope link src 10.21.0.2",
      "10.30.0.0/16 dev net1 scope link",
      "10.31.0.0/16 via 10.21.0.1 dev net1 src 10.21.0.3 metric 50 mtu 1300",
      "10.32.0.0/16 via 172.16.0.1 dev net1 proto 67 onlink",
      "10.40.0.0/16 nexthop via 10.21.0.1 dev net1 weight 2 nexthop via 10.21.0.9 dev net1 weight 1",
      "10.51.0.0/16 via inet6 fd00:21::1 dev net1",
      "default via 10.21.0.1 dev net1",
      "default via fd00:21::1 dev net1 metric 1024 pref medium",
      "fd00:21::/64 dev net1 proto kernel metric 256 pref medium",
      "fd00:31::/64 via fd00:21::1 dev net1 src fd00:21::2 metric 1024 pref high",
      "fd00:32::/64 via fe80::1 dev net1 metric 7 mtu 1290 pref medium",
      "fd00:33::/64 metric 1024 pref medium nexthop via fd00:21::1 dev net1 weight 1 nexthop via fd00:21::9 dev net1 weight 1",
      "fe80::/64 dev net1 proto kernel metric 256 pref medium",
    ]);
    expect(routesOf(77)).toEqual(["10.50.0.0/16 via 10.21.0.1 dev net1"]);
    const isAddress = (line: string) => /^\d+: /.test(line);
    expect(picture().filter(isAddress)).toEqual(before.filter(isAddress));
    expect(inside("ip link show red")).toContain("made by the CNI plugin vrf");
    done("CHECK");
    done("CHECK", { table: 1 });
    done("DEL");
    expect(picture()).toEqual(before);
    expect(vrfs()).toEqual([]);
    done("DEL");
    expect(picture()).toEqual(before);
  });

  it("keeps addresses that the kernel keeps, and whose duplicates it looks for again", () => {
    inside(SETTING);
    inside("echo 1 > /proc/sys/net/ipv6/conf/net1/keep_addr_on_down");
    const before = picture();
    expect(run("ADD").status).toBe(0);
    expect(inside("ip -6 address show dev net1 scope global")).not.toContain("tentative");
    expect(routesOf(1)).toContain("fd00:31::/64 via fd00:21::1 dev net1 src fd00:21::2 metric 1024 pref high");
    done("CHECK");
    done("DEL");
    expect(picture()).toEqual(before);
  });

  it("leaves nothing of an ADD that fails, and refuses before it changes anything", () => {
    inside(`${SETTING}; ip link add blue type vrf table 9; ip link add br0 type bridge`);
    const before = picture();
    const links = inside("ip -o link show | cut -d: -f2");
    expect(refusal("ADD", { vrfname: "" })[0]).toBe(7);
    expect(refusal("ADD", { vrfname: "a name" })[1]).toContain('Cannot use vrfname "a name"');
    expect(refusal("ADD", { table: -1 })[1]).toContain("Cannot use table -1");
    expect(refusal("ADD", { vrfname: "eth0" })).toEqual([7, "cmdAdd failed: Netlink eth0 is not a VRF"]);
    expect(refusal("ADD", { vrfname: "blue", table: 8 })).toEqual([
      7,
      "cmdAdd failed: VRF blue already exist with different routing table 9",
    ]);
    expect(refusal("ADD", {}, { ifname: "net9" })).toEqual([7, "cmdAdd failed: could not get link by name net9"]);
    // The kernel takes no loopback into a VRF, which exists by then.
    expect(refusal("ADD", {}, { ifname: "lo" })[0]).toBe(107);
    expect([picture(), inside("ip -o link show | cut -d: -f2")]).toEqual([before, links]);
    inside("ip link set net1 master br0");
    expect(refusal("ADD")).toEqual([105, "cmdAdd failed: interface net1 has already a master set: br0"]);
    expect(vrfs()).toEqual(["blue:"]);
  });

  it("chooses a table that no VRF, rule or route has, also by calls at once", async () => {
    inside(`${SETTING}; ip link add old type vrf table 2; ip rule add from 10.0.0.9 lookup 1`);
    inside("ip -6 route add fd00:99::/64 dev eth0 table 4");
    for (let i = 0; i < 4; i++) inside(`ip link add net1${i} type dummy`);
    const calls = [0, 1, 2, 3].map((i) => {
      const config = { cniVersion: "1.1.0", name: "n1", type: "vrf", vrfname: `vrf${i}`, prevResult: RESULT };
      return lab.start("vrf", { command: "ADD", config, ifname: `net1${i}`, netns }).ended;
    });
    for (const { status } of await Promise.all(calls)) expect(status).toBe(0);
    const tables = inside("ip -d -o link show type vrf | grep -o 'vrf table [0-9]*' | cut -d' ' -f3").split("\n");
    expect(tables.map(Number).sort((a, b) => a - b)).toEqual([2, 3, 5, 6, 7]);
  });

  it("deletes a VRF with its last member, unless it is somebody's", () => {
    inside(`${SETTING}; ip link add net2 type dummy`);
    expect(run("ADD").status).toBe(0);
    expect(run("ADD", {}, { ifname: "net2" }).status).toBe(0);
    done("DEL", {}, { ifname: "net2" });
    expect(vrfs()).toEqual(["red:"]);
    // The last member goes with its interface.
    inside("ip link del net1");
    done("DEL");
    expect(vrfs()).toEqual([]);
    inside("ip link add red type vrf table 5; ip link set red alias mine");
    expect(run("ADD", {}, { ifname: "net2" }).status).toBe(0);
    expect(inside("ip -o link show up red")).toContain("red");
    done("DEL", {}, { ifname: "net2" });
    expect(vrfs()).toEqual(["red:"]);
    inside("ip link set red alias ''; ip link set net2 master red");
    done("DEL", {}, { ifname: "net2" });
    expect(vrfs()).toEqual([]);
  });

  it("DEL needs nothing, and takes an interface out of no other VRF", () => {
    inside(SETTING);
    done("DEL", {}, { netns: "" });
    done("DEL", {}, { netns: "/run/netns/gone" });
    done("DEL", { prevResult: undefined });
    expect(run("ADD").status).toBe(0);
    done("DEL", { vrfname: "blue" });
    expect(vrfs()).toEqual(["red:"]);
    expect(inside("ip link show net1")).toContain("master red");
    done("DEL", { vrfname: undefined, table: "none", prevResult: 7 });
    expect(inside("ip link show net1")).not.toContain("master");
    expect(vrfs()).toEqual([]);
  });

  it("CHECK says what differs", () => {
    inside(SETTING);
    expect(refusal("CHECK")).toEqual([104, `Link not found: VRF "red" in ${netns}`]);
    expect(run("ADD").status).toBe(0);
    expect(refusal("CHECK", { table: 7 })).toEqual([104, 'VRF "red" has table 1, expected 7']);
    inside("ip route del 10.31.0.0/16 table 1");
    expect(refusal("CHECK")).toEqual([104, "Route 10.31.0.0/16 via 10.21.0.1 is missing"]);
    inside("ip route add 10.31.0.0/16 via 10.21.0.1 dev net1");
    expect(refusal("CHECK")).toEqual([104, "Route 10.31.0.0/16 via 10.21.0.1 is missing"]);
    inside("ip link set net1 nomaster");
    expect(refusal("CHECK")).toEqual([104, "failed to find net1 associated to vrf red"]);
    done("STATUS", { prevResult: undefined }, { netns: "", ifname: "" });
    done("GC", { "cni.dev/valid-attachments": [] }, { netns: "", ifname: "" });
  });
});
