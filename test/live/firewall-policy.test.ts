import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ownerComment } from "../../src/netfilter/owner.ts";
import { rulesAbout, type Variant } from "./masquerading.ts";
import { type Member, PolicyLab } from "./policies.ts";
import { HOST } from "./portmap.ts";

// Two containers of network foo and one of network bar. What is tested is sent: datagrams, connections and pings to every kind of address.

const BACKENDS: readonly [string, string, Variant][] = [
  ["nftables", "nftables", "nft"],
  ["iptables, kept in nf_tables", "iptables", "nft"],
  ["iptables-legacy", "iptables", "legacy"],
];

const WEB = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const DNS = { hostPort: 5353, containerPort: 53, protocol: "udp" };

/** Whom a datagram for nobody in particular is for, on a link. */
const GROUPS = ["255.255.255.255", "ff02::1"];

let lab: PolicyLab;
let one: Member;
let two: Member;
let bar: Member;

beforeAll(async () => {
  lab = new PolicyLab();
  one = await lab.join("foo-1", [80, 81, 53]);
  two = await lab.join("foo-2", [80, 81, 53]);
  bar = await lab.join("bar-1", [80, 81, 53]);
  // Addresses that no plugin knows of.
  for (const { netns, network } of [two, bar])
    for (const [family, length] of [
      [4, 24],
      [6, 64],
    ] as const)
      lab.run(
        [
          "ip",
          "address",
          "add",
          `${lab.address(network, 77)[family]}/${length}`,
          "dev",
          "eth0",
          ...(family === 6 ? ["nodad", "preferred_lft", "0"] : []),
        ],
        netns,
      );
  // The neighbour's MAC is known: nothing stays away for want of an answer.
  lab.introduce(
    one,
    [...waysTo(two)].filter((address) => !GROUPS.includes(address) && !address.endsWith(".255")),
    two.mac,
  );
});

afterAll(() => lab?.dispose());

/** Every address by which a datagram may get to a container on its own bridge. */
function waysTo({ network, addresses, local }: Member): readonly string[] {
  const extra = lab.address(network, 77);
  return [addresses[4], addresses[6], extra[4], extra[6], local, lab.address(network, 255)[4], ...GROUPS];
}

/** How one container gets to another, of all that it tries. */
async function reached(from: Member, to: Member): Promise<string[]> {
  const heard = await lab.heard(from, to, waysTo(to));
  const direct = waysTo(to).filter((address) => !GROUPS.includes(address) && !address.endsWith(".255"));
  const pings = direct.map((address) => [`icmp ${address}`, `ping -n -c1 -W1 -I eth0 ${address}`] as const);
  return [...heard.map((address) => `udp ${address}`), ...answered(from, direct, [80]), ...allOf(from, pings)];
}

/** To which of these addresses and ports a container gets a connection. */
function answered(from: Member, addresses: readonly string[], ports: readonly number[]): string[] {
  const probes = addresses.flatMap((address) => {
    const scoped = address.startsWith("fe80") ? `${address}%eth0` : address;
    return ports.map((port) => [`${address} ${port}`, `timeout 1 bash -c '</dev/tcp/${scoped}/${port}'`] as const);
  });
  return allOf(from, probes);
}

/** The names of the commands that succeed in a container, where all run at once. */
function allOf(from: Member, commands: readonly (readonly [name: string, command: string])[]): string[] {
  const script = commands.map(([name, command]) => `(${command} >/dev/null 2>&1 && echo "${name}") &`);
  const names = lab.run(["bash", "-c", `${script.join("\n")}\nwait`], from.netns).split("\n");
  return commands.map(([name]) => name).filter((name) => names.includes(name));
}

/** All rules gone, also those of a policy, which iptables keeps. */
function clearFirewalls(): void {
  const flush = (tool: string) => `${tool} -F; ${tool} -X; ${tool} -t nat -F; ${tool} -t nat -X`;
  for (const tool of ["iptables-legacy", "ip6tables-legacy"]) lab.run(["sh", "-ec", flush(tool)]);
  lab.run(["nft", "flush", "ruleset"]);
}

/** The rule of iptables by which a published port is a permission. */
function permissions(variant: Variant): string[] {
  return ["iptables", "ip6tables"].flatMap((tool) =>
    lab
      .run([`${tool}-${variant}`, "-S", "FORWARD"])
      .split("\n")
      .slice(1)
      .flatMap((line, at) => (line.includes("--ctstate DNAT") ? [`${tool} ${at}`] : [])),
  );
}

function attachAll(ingressPolicy: string, backend: string, variant: Variant): void {
  for (const member of [one, two, bar]) lab.firewall("ADD", member, { ingressPolicy, backend }, variant);
}

function detachAll(variant: Variant): void {
  for (const member of [one, two, bar]) lab.firewall("DEL", member, {}, variant);
}

describe.each([true, false])("with br_netfilter's calls: %s", (isOn) => {
  beforeAll(() => lab.setBridgeCalls(isOn));

  it("an open container is reached in every way", async () => {
    expect(await reached(one, two)).toHaveLength(8 + 5 + 5);
  });

  it("an isolated one by its neighbours in none, and reaches its gateway and the outside", async () => {
    attachAll("isolated", "nftables", "nft");
    lab.firewall("CHECK", two, { ingressPolicy: "isolated", backend: "nftables" });
    expect(await reached(one, two)).toEqual([]);
    for (const member of [one, two]) {
      lab.run(["ip", "neigh", "flush", "nud", "reachable", "dev", "eth0"], member.netns);
      lab.run(["ip", "neigh", "flush", "dev", member.network]);
      for (const address of Object.values(lab.address(member.network, 1)))
        expect(lab.try(["ping", "-n", "-c1", "-W2", address], member.netns).status).toBe(0);
      expect(lab.ask(lab.host, member.addresses[6], 80)).toContain(member.name);
    }
    detachAll("nft");
    expect(await reached(one, two)).toHaveLength(8 + 5 + 5);
  });

  it("an isolated one not through the host either, by addresses that are known and that are not", async () => {
    const extra = lab.address("foo", 77);
    const targets = [two.addresses[4], two.addresses[6], extra[4], extra[6]];
    const gateway = lab.address("foo", 1);
    const route = (verb: string) => {
      for (const target of targets)
        lab.run(["ip", "route", verb, target, "via", target.includes(":") ? gateway[6] : gateway[4]], one.netns);
    };
    for (const kind of ["all", "foo"]) lab.run(["sysctl", "-qw", `net.ipv4.conf.${kind}.send_redirects=0`]);
    route("add");
    expect(await lab.heard(one, two, targets)).toEqual(targets);
    attachAll("isolated", "nftables", "nft");
    expect(await lab.heard(one, two, targets)).toEqual([]);
    detachAll("nft");
    route("del");
  });

  it("same-bridge keeps bridges apart, whatever the address, and a bridge's own together", async () => {
    const targets = [bar.addresses[4], bar.addresses[6], ...Object.values(lab.address("bar", 77))];
    expect(await lab.heard(one, bar, targets)).toEqual(targets);
    attachAll("same-bridge", "nftables", "nft");
    expect(await lab.heard(one, bar, [...targets, lab.address("bar", 255)[4]])).toEqual([]);
    expect(await reached(one, two)).toHaveLength(8 + 5 + 5);
    detachAll("nft");
  });

  it("an open neighbour is reached by others, and gets nothing to an isolated one", async () => {
    lab.firewall("ADD", one, { ingressPolicy: "open" });
    lab.firewall("ADD", two, { ingressPolicy: "isolated" });
    expect(await reached(one, two)).toEqual([]);
    // Nobody may answer the isolated one, be it only with a MAC.
    lab.introduce(two, [one.addresses[4], one.addresses[6]], one.mac);
    expect(await lab.heard(two, one, [one.addresses[4], one.addresses[6], "ff02::1"])).toHaveLength(3);
    detachAll("nft");
  });
});

describe.each(BACKENDS)("a published port, with %s", (_, backend, variant) => {
  beforeAll(clearFirewalls);

  const ask = (from: Member, port: number, protocol: "tcp" | "udp" = "tcp") =>
    ([4, 6] as const).map((family) => lab.ask(from.netns, HOST[family], port, protocol).split(" ")[0]);

  it.each([
    ["same-bridge", true],
    ["same-bridge", false],
    ["isolated", true],
    ["isolated", false],
  ])("is a permission under %s, br_netfilter's calls %s, and the only one, until DEL", (ingressPolicy, isOn) => {
    lab.setBridgeCalls(isOn);
    attachAll(ingressPolicy, backend, variant);
    // Once, however many containers there are, and before the policy.
    expect(permissions(variant)).toEqual(backend === "iptables" ? ["iptables 0", "ip6tables 0"] : []);
    lab.publish("ADD", two, [WEB, DNS], { backend }, variant);
    // Its own port, too.
    expect(ask(two, 8080)).toEqual(["foo-2", "foo-2"]);
    for (const from of [one, bar]) {
      expect(ask(from, 8080)).toEqual(["foo-2", "foo-2"]);
      expect(ask(from, 5353, "udp")).toEqual(["foo-2", "foo-2"]);
      // The same server past the mapping, and a port that is not published.
      const direct = Object.values(two.addresses);
      const isOwn = from === one && ingressPolicy === "same-bridge";
      expect(answered(from, direct, [80, 81])).toHaveLength(isOwn ? 4 : 0);
      expect(answered(from, Object.values(HOST), [80, 81])).toEqual([]);
    }
    for (const member of [one, two, bar]) lab.firewall("CHECK", member, { ingressPolicy, backend }, variant);
    lab.publish("DEL", two, [WEB, DNS], { backend }, variant);
    for (const from of [one, bar]) expect(answered(from, Object.values(HOST), [8080])).toEqual([]);
    detachAll(variant);
    expect(rulesAbout(lab, two.addresses[4], two.mac, "net: foo", '= { "foo"')).toEqual([]);
  });
});

describe("an isolated container", () => {
  beforeAll(() => {
    lab.setBridgeCalls(true);
    clearFirewalls();
  });

  it("is kept from its neighbours also where no plugin gives it an address", async () => {
    const { ips: _, ...prevResult } = Object(two.prevResult);
    const addressless = { ...two, prevResult };
    const every = waysTo(two);
    lab.firewall("ADD", addressless, { ingressPolicy: "isolated" });
    lab.firewall("CHECK", addressless, { ingressPolicy: "isolated" });
    expect(await lab.heard(one, two, every)).toEqual([]);
    lab.firewall("DEL", addressless, {});
    expect(await lab.heard(one, two, every)).toEqual(every);
    expect(rulesAbout(lab, two.mac, "net: foo", '"foo"', "isolated_foo")).toEqual([]);
  });

  it("is refused where its port is not known, before anything is made", () => {
    const { interfaces, ...rest } = Object(two.prevResult);
    const prevResult = { ...rest, interfaces: [interfaces[0], interfaces[2]] };
    const config = { cniVersion: "1.1.0", name: "foo", type: "firewall", prevResult, ingressPolicy: "isolated" };
    const call = { command: "ADD", config, containerId: two.name, netns: two.netns };
    const { code, msg } = JSON.parse(lab.plugin("firewall", call).stdout);
    expect([code, msg]).toEqual([
      7,
      'Cannot use ingressPolicy "isolated": prevResult names no port of bridge "foo": chain firewall behind bridge',
    ]);
    expect(rulesAbout(lab, "net: foo")).toEqual([]);
  });
});

describe("tables of an earlier version", () => {
  const OLD = `
    table inet cni_firewall {
      set containers4 { type ipv4_addr; }
      set containers6 { type ipv6_addr; }
      map members4 { type ifname . ipv4_addr : verdict; }
      map members6 { type ifname . ipv6_addr : verdict; }
      set bridges { type ifname; }
      set same_bridge { type ifname . ifname; }
      chain admin { counter comment "the operator's"; }
      chain isolated_foo { drop; }
      chain isolation_within { oifname . ip daddr vmap @members4; oifname . ip6 daddr vmap @members6; }
      chain isolation { iifname . oifname @same_bridge goto isolation_within; iifname @bridges oifname @bridges drop; }
      chain forward { type filter hook forward priority 0; jump admin; jump isolation; }
    }
    table bridge cni_firewall {
      set isolated4 { type ipv4_addr; }
      set isolated6 { type ipv6_addr; }
      chain forward { type filter hook forward priority -200; ip daddr @isolated4 drop; ip6 daddr @isolated6 drop; }
    }`;

  it("are replaced by ADD, the operator's chain apart, and what they have for others holds until DEL", async () => {
    lab.setBridgeCalls(false);
    clearFirewalls();
    lab.run(["sh", "-c", 'printf %s "$0" | nft -f -', OLD]);
    const old = `comment "${ownerComment({ network: "foo", ifname: "eth0", containerId: two.name })}"`;
    for (const [family, address] of Object.entries(two.addresses)) {
      lab.run(["nft", `add element inet cni_firewall containers${family} { ${address} ${old} }`]);
      lab.run([
        "nft",
        `add element inet cni_firewall members${family} { foo . ${address} ${old} : goto isolated_foo }`,
      ]);
      lab.run(["nft", `add element bridge cni_firewall isolated${family} { ${address} ${old} }`]);
    }
    for (const element of ["bridges { foo }", "same_bridge { foo . foo }"])
      lab.run(["nft", `add element inet cni_firewall ${element}`]);
    lab.firewall("ADD", one, { ingressPolicy: "isolated" });
    lab.firewall("CHECK", one, { ingressPolicy: "isolated" });
    const rules = lab.run(["nft", "list", "table", "inet", "cni_firewall"]);
    expect(rules).toContain("the operator's");
    expect(rules).not.toContain("isolation");
    const addresses = Object.values(two.addresses);
    expect(await lab.heard(one, two, addresses)).toEqual([]);
    lab.firewall("DEL", two, {});
    expect(rulesAbout(lab, ...addresses)).toEqual([]);
    lab.firewall("DEL", one, {});
    expect(await lab.heard(one, two, addresses)).toEqual(addresses);
  });
});
