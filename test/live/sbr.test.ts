import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ownerComment } from "../../src/netfilter/owner.ts";
import { type Call, Lab, type Outcome } from "../lab.ts";

/** An address of the host's, to which each link of a container leads. */
const FAR = { 4: "198.51.100.1", 6: "2001:db8:f::1" } as const;

let lab: Lab;
let netns: string;

/**
 * A container with two interfaces, of which the first has the default routes. The host drops what comes in by another link than the one
 * that leads back to its source.
 */
beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  const name = `${lab.id}-c1`;
  const link = (inside: string, four: string, six: string) => `
    ip link add ${inside}-host type veth peer name ${inside} netns ${name}
    ip address add ${four}.1/24 dev ${inside}-host; ip address add ${six}::1/64 dev ${inside}-host nodad
    ip link set ${inside}-host up; sysctl -qw net.ipv4.conf.${inside}-host.rp_filter=1
    ip -n ${name} link set ${inside} up
    ip -n ${name} address add ${four}.9/24 dev ${inside}; ip -n ${name} address add ${six}::9/64 dev ${inside} nodad`;
  lab.run([
    "sh",
    "-ec",
    `${link("eth0", "10.0.0", "fd00:10")}${link("net1", "192.168.1", "fd00:192")}
    ip -n ${name} route add default via 10.0.0.1; ip -n ${name} -6 route add default via fd00:10::1
    ip address add ${FAR[4]}/32 dev lo; ip address add ${FAR[6]}/128 dev lo nodad`,
  ]);
  for (const to of ["192.168.1.1", "fd00:192::1"])
    lab.run(["timeout", "60", "sh", "-c", `until ping -n -c1 -W5 ${to} >/dev/null; do sleep 0.1; done`], netns);
});

afterEach(() => lab.dispose());

const IPS = [
  { address: "192.168.1.9/24", gateway: "192.168.1.1", interface: 0 },
  { address: "fd00:192::9/64", gateway: "fd00:192::1", interface: 0 },
];

function configOf(
  fields: object = {},
  { ifname = "net1", ips = IPS }: { ifname?: string; ips?: readonly object[] } = {},
) {
  const prevResult = { cniVersion: "1.1.0", interfaces: [{ name: ifname, sandbox: netns }], ips };
  return { cniVersion: "1.1.0", name: "net1", type: "sbr", ...fields, prevResult };
}

function run(command: string, config: unknown, more: Partial<Call> = {}): Outcome {
  return lab.plugin("sbr", { command, config, netns, ifname: "net1", ...more });
}

function succeed(command: string, config: unknown, more: Partial<Call> = {}): void {
  expect(run(command, config, more)).toMatchObject({ status: 0, stderr: "" });
}

/** Rules and routes of the container, without link-local ones. */
function stateOf(): readonly string[] {
  const commands = ["ip rule", "ip -6 rule", "ip -4 route show table all", "ip -6 route show table all"];
  const lines = commands.flatMap((command) => lab.run(command.split(" "), netns).split("\n"));
  return lines.map((line) => line.trim()).filter((line) => !/fe80|table local|multicast/.test(line));
}

/** Whether answers come back from far away; to an address of the second interface, only if packets from it leave there. */
function isAnswered(family: 4 | 6, { from, seconds = 10 }: { from?: string; seconds?: number } = {}): boolean {
  const source = from === undefined ? [] : ["-I", from];
  return lab.try(["ping", "-n", "-c1", `-w${seconds}`, ...source, FAR[family]], netns).status === 0;
}

/** The packets that the host has got by a link. */
function received(link: string): number {
  const [found] = lab.ip(`-stats link show dev ${link}`);
  return Number(Object(found).stats64.rx.packets);
}

describe("sbr", () => {
  it.each([
    ["the alias of its host's end names another attachment", true, {}],
    ["it has another MAC than the result", false, { mac: "02:00:00:00:00:99" }],
  ])("DEL leaves the rules of another container at the path: %s", (_, isMarked, reported) => {
    succeed("ADD", configOf());
    const during = stateOf();
    if (isMarked) {
      const owner = { network: "net1", containerId: "other", ifname: "net1" };
      lab.run(["ip", "link", "set", "net1-host", "alias", ownerComment(owner)]);
    }
    const { prevResult, ...alone } = configOf();
    const [named = {}] = prevResult.interfaces;
    succeed("DEL", { ...alone, prevResult: { ...prevResult, interfaces: [{ ...named, ...reported }] } });
    if (isMarked) succeed("DEL", alone);
    expect(stateOf()).toEqual(during);
  });

  it("sends what leaves from an address by its interface, and everything else as before, until DEL", () => {
    const before = stateOf();
    expect(isAnswered(4, { from: "192.168.1.9", seconds: 1 })).toBe(false);
    succeed("ADD", configOf());
    expect(isAnswered(4, { from: "192.168.1.9" })).toBe(true);
    expect(isAnswered(6, { from: "fd00:192::9" })).toBe(true);
    const [net1, eth0] = [received("net1-host"), received("eth0-host")];
    lab.run(["ping", "-n", "-c5", "-i0.2", "-I", "fd00:192::9", FAR[6]], netns);
    expect(received("net1-host") - net1).toBeGreaterThanOrEqual(5);
    expect(received("eth0-host") - eth0).toBeLessThan(5);
    for (const family of [4, 6] as const) expect(isAnswered(family)).toBe(true);
    succeed("CHECK", configOf());
    succeed("DEL", configOf());
    expect(stateOf().toSorted()).toEqual(before.toSorted());
    succeed("DEL", configOf());
  });

  it.each<[string, object, Partial<Call>]>([
    ["without a result", { prevResult: undefined }, {}],
    ["with a configuration that is no longer valid", { table: "many" }, {}],
  ])("DEL %s gives everything back", (_, fields, more) => {
    const before = stateOf();
    succeed("ADD", configOf());
    succeed("DEL", { ...configOf(), ...fields }, more);
    expect(stateOf().toSorted()).toEqual(before.toSorted());
  });

  it("DEL succeeds without the namespace, and makes no file in its place", () => {
    succeed("DEL", configOf(), { netns: "" });
    succeed("DEL", configOf(), { netns: `${lab.dir}/gone` });
    expect(lab.try(["test", "-e", `${lab.dir}/gone`]).status).toBe(1);
  });

  it("DEL after the interface is gone deletes the rules", () => {
    succeed("ADD", configOf());
    lab.run(["ip", "link", "del", "net1"], netns);
    succeed("DEL", configOf());
    expect(stateOf().filter((line) => /proto 67/.test(line))).toEqual([]);
  });

  it("takes the gateways of the configuration, and leaves the way to neighbours in main with addSourceHints", () => {
    lab.run(["ip", "address", "add", "192.168.1.77/24", "dev", "net1-host"]);
    succeed("ADD", configOf({ gateways: ["192.168.1.77"], addSourceHints: true }));
    const routes = stateOf();
    expect(routes).toContain("default via 192.168.1.77 dev net1 table 100 proto 67");
    expect(routes).toContain("192.168.1.0/24 dev net1 proto kernel scope link src 192.168.1.9");
    const before = received("net1-host");
    lab.run(["ping", "-n", "-c3", "-i0.2", "192.168.1.1"], netns);
    expect(received("net1-host") - before).toBeGreaterThanOrEqual(3);
  });

  it("calls at the same time choose different tables", async () => {
    const names = Array.from({ length: 8 }, (_, index) => `net${index + 2}`);
    for (const [index, name] of names.entries())
      lab.run(
        [
          "sh",
          "-ec",
          `ip link add ${name} type veth peer name ${name}p; ip link set ${name} up; ip link set ${name}p up; ip address add 10.7.${index}.2/24 dev ${name}`,
        ],
        netns,
      );
    const outcomes = await Promise.all(
      names.map((ifname, index) => {
        const ips = [{ address: `10.7.${index}.2/24`, gateway: `10.7.${index}.1`, interface: 0 }];
        return lab.start("sbr", { command: "ADD", config: configOf({}, { ifname, ips }), netns, ifname }).ended;
      }),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(names.map(() => 0));
    const tables = stateOf().flatMap((line) => /^20000:.*lookup (\d+)/.exec(line)?.[1] ?? []);
    expect(tables.toSorted()).toEqual(names.map((_, index) => String(100 + index)));
  });

  it.each<[string, string, string]>([
    ["rule", "ip rule del from 192.168.1.9", "Address 192.168.1.9 has no rule that leads it to a table"],
    [
      "default route",
      "ip -6 route del default table 101",
      'Table 101 of address fd00:192::9 has no default route through "net1"',
    ],
    ["interface", "ip link del net1", 'Interface "net1" in'],
  ])("CHECK says that the %s is missing", (_, command, says) => {
    succeed("ADD", configOf());
    lab.run(["sh", "-ec", command], netns);
    const { status, stdout } = run("CHECK", configOf());
    expect({ status, ...JSON.parse(stdout) }).toMatchObject({
      status: 1,
      code: 104,
      msg: expect.stringContaining(says),
    });
  });

  it.each<[string, object, number]>([
    ["no result", { prevResult: undefined }, 7],
    ["no addresses", configOfNone(), 7],
    ["two gateways of a family", { gateways: ["10.0.0.1", "10.0.0.2"] }, 7],
    ["table 0", { table: 0 }, 7],
  ])("ADD with %s is refused, and changes nothing", (_, fields, code) => {
    const before = stateOf();
    const { status, stdout } = run("ADD", { ...configOf(), ...fields });
    expect({ status, code: JSON.parse(stdout).code }).toEqual({ status: 1, code });
    expect(stateOf()).toEqual(before);
  });

  it("GC and STATUS change nothing", () => {
    succeed("ADD", configOf());
    const before = stateOf();
    const more = { containerId: "", ifname: "", netns: "" };
    succeed("STATUS", { ...configOf(), prevResult: undefined }, more);
    succeed("GC", { ...configOf(), prevResult: undefined, "cni.dev/valid-attachments": [] }, more);
    expect(stateOf()).toEqual(before);
  });
});

function configOfNone(): object {
  return { prevResult: { cniVersion: "1.1.0", interfaces: [], ips: [] } };
}

it("sbr: calls for one container do not wait for those of another", async () => {
  succeed("ADD", configOf());
  // The first call stops for three seconds when it has the lock.
  const wrapper = ["strace", "-o", "/dev/null", "-e", "inject=flock,fcntl:delay_exit=3000000"];
  const call = { command: "DEL", config: configOf(), netns, ifname: "net1" };
  const first = lab.start("sbr", { ...call, wrapper });
  const other = lab.addNamespace("c2");
  lab.run(["ip", "link", "add", "net1", "type", "veth", "peer", "name", "net2"], other);
  lab.run(["sh", "-ec", "ip link set net1 up; ip address add 192.168.1.9/24 dev net1"], other);
  await sleep(1000);
  const second = lab.start("sbr", {
    command: "ADD",
    config: configOf({}, { ips: IPS.slice(0, 1) }),
    netns: other,
    containerId: "c2",
    ifname: "net1",
  });
  const order: string[] = [];
  await Promise.all([first.ended.then(() => order.push("first")), second.ended.then(() => order.push("second"))]);
  expect(order).toEqual(["second", "first"]);
  for (const { ended } of [first, second]) expect(await ended).toMatchObject({ status: 0 });
});

it("sbr DEL ends where a container has thousands of rules for its address, and deletes ADD's", () => {
  succeed("ADD", configOf());
  const rules = Array.from(
    { length: 2000 },
    (_, index) => `rule add from 192.168.1.9 table ${1000 + index} protocol 67`,
  );
  const own = () => stateOf().filter((line) => /^20000:.*from 192.168.1.9 lookup \d+ proto 67/.test(line));
  expect(own()).toHaveLength(1);
  expect(lab.try(["ip", "-batch", "-"], netns, rules.map((rule) => `${rule} pref 20000`).join("\n"))).toMatchObject({
    status: 0,
  });
  succeed("DEL", configOf());
  expect(own()).toHaveLength(1901);
  expect(own().some((line) => line.includes("lookup 100 "))).toBe(false);
});
