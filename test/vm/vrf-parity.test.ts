import { describe, expect, it } from "vitest";
import { playBoth, type Side } from "../parity/twins.ts";

type Config = Readonly<Record<string, unknown>>;

interface Attachment {
  readonly ifname?: string;
  readonly vrf?: string;
  readonly ip?: string;
  readonly table?: number;
  readonly routes?: readonly object[];
}

const IPS6 = ["2a00:c98:2060:a000:1:0:1d1e:ca75/64", "2a00:c98:2060:a000:1:0:1d1e:ca76/64"] as const;

/** What the Go plugin's own tests begin with: two interfaces, down and without addresses. */
const TWO_LINKS = "ip link add dummy0 type dummy; ip link add dummy1 type dummy";

function set(side: Side, commands: string): string {
  return side.lab.run(["sh", "-ec", commands], side.netns()).trim();
}

function config({ ifname = "dummy0", vrf = "vrf0", ip = "10.0.0.2/24", table, routes }: Attachment): Config {
  const ips = [{ version: "4", address: ip, gateway: "10.0.0.1", interface: 0 }];
  const prevResult = { interfaces: [{ name: ifname, sandbox: "netns" }], ips, ...(routes && { routes }) };
  return { name: "test", type: "vrf", cniVersion: "0.3.1", vrfName: vrf, ...(table && { table }), prevResult };
}

/** The result of a call, or the text of its error. */
function call(side: Side, command: string, attachment: Attachment, fields: Config = {}): unknown {
  const { ifname = "dummy0" } = attachment;
  const whole = { ...config(attachment), ...fields };
  const { status, stdout } = side.lab.plugin("vrf", {
    bin: side.bin,
    netns: side.netns(),
    command,
    ifname,
    config: whole,
  });
  if (status !== 0) return JSON.parse(stdout).msg;
  return stdout === "" ? "done" : JSON.parse(stdout);
}

/** VRFs with their tables, members with their addresses, and the routes of the VRFs; IPv6 ones of the kernel left out. */
function stateOf(side: Side) {
  const links: readonly { ifname: string; master?: string; linkinfo?: { info_data?: { table?: number } } }[] =
    JSON.parse(set(side, "ip -d -j link show"));
  const lines = (command: string) => set(side, command).split("\n");
  const tables = [...new Set(links.map(({ linkinfo }) => linkinfo?.info_data?.table ?? 0))].filter((each) => each > 0);
  const isMeant = (line: string) => line !== "" && !/^(broadcast|local|multicast|anycast|fe80:)/.test(line);
  return {
    vrfs: links.filter(({ linkinfo }) => linkinfo?.info_data?.table !== undefined).map(({ ifname }) => ifname),
    tables,
    members: links.map(({ ifname, master = "none" }) => `${ifname} in ${master}`).sort(),
    addresses: lines("ip -o address show | awk '{ print $2, $4 }'").filter((line) => !line.includes("fe80:")),
    routes: tables.flatMap((table) =>
      ["-4", "-6"]
        .flatMap((family) => lines(`ip ${family} route show table ${table}`))
        .filter(isMeant)
        .map((line) => `${table}: ${line.replace(/ proto \w+/, "").trim()}`)
        .sort(),
    ),
  };
}

/** Addresses and routes of one interface. */
function equip(number: number, ip: string, ip6: string, [route, route6]: readonly [string, string], more = ""): string {
  return `ip link set dummy${number} up; ip address add ${ip} dev dummy${number}; ip address add ${ip6} dev dummy${number} nodad
    ip route add ${route} via 10.0.0.1 dev dummy${number} src ${ip.replace(/\/.*/, "")} ${more}
    ip route add ${route6} via abcd:1234:ffff::1 dev dummy${number} src ${ip6.replace(/\/.*/, "")}`;
}

const FIRST = equip(0, "10.0.0.2/24", "abcd:1234:ffff::cdde/64", ["10.10.10.0/24", "1111:dddd::/80"]);
const SECOND = equip(1, "10.0.0.3/24", "abcd:1234:ffff::cddf/64", ["10.11.10.0/24", "1111:ddde::/80"], "metric 100");

describe("vrf like the reference", () => {
  it("W1 W2: prevResult is the result, and the interface is in the VRF", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, TWO_LINKS);
      const added = call(side, "ADD", {});
      return { added, state: stateOf(side) };
    });
    expect(ours).toEqual(reference);
    expect(ours.added).toMatchObject({ interfaces: [{ name: "dummy0" }], ips: [{ address: "10.0.0.2/24" }] });
    expect(ours.state).toMatchObject({ vrfs: ["vrf0"], tables: [1] });
    expect(ours.state.members).toContain("dummy0 in vrf0");
  });

  it("W3: routes with a source move to the VRF's table", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, `${TWO_LINKS}; ${FIRST}`);
      const added = call(side, "ADD", { routes: [{ dst: "10.10.10.0/24" }] });
      return { added, state: stateOf(side) };
    });
    expect(ours).toEqual(reference);
    expect(ours.state.routes).toEqual([
      "1: 10.0.0.0/24 dev dummy0 scope link src 10.0.0.2",
      "1: 10.10.10.0/24 via 10.0.0.1 dev dummy0 src 10.0.0.2",
      "1: 1111:dddd::/80 via abcd:1234:ffff::1 dev dummy0 src abcd:1234:ffff::cdde metric 1024 pref medium",
      "1: abcd:1234:ffff::/64 dev dummy0 metric 256 pref medium",
    ]);
  });

  it("W4: only the interface's own routes move, with their metric", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, `${TWO_LINKS}; ${FIRST}; ${SECOND}`);
      const added = call(side, "ADD", { ifname: "dummy1", vrf: "vrf1", ip: "10.0.0.3/24" });
      const main = set(side, "ip route show; ip -6 route show").split("\n");
      return { added, state: stateOf(side), main: main.filter((line) => !line.startsWith("fe80")).sort() };
    });
    expect(ours).toEqual(reference);
    expect(ours.state.routes).toContain("1: 10.11.10.0/24 via 10.0.0.1 dev dummy1 src 10.0.0.3 metric 100");
    expect(ours.main.join()).not.toContain("dummy1");
  });

  it("W5: an interface that has a master is refused", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, `${TWO_LINKS}; ip link add testrbridge type bridge; ip link set dummy0 master testrbridge`);
      return call(side, "ADD", {});
    });
    const message = "cmdAdd failed: interface dummy0 has already a master set: testrbridge";
    expect([reference, ours]).toEqual([message, message]);
  });

  it.each([
    ["W6.0", "vrf0", "10.0.0.2/24", "10.0.0.3/24"],
    ["W6.1", "vrf1", "10.0.0.2/24", "10.0.0.3/24"],
    ["W6.2", "vrf1", "10.0.0.2/24", "10.0.0.2/24"],
    ["W6.3", "vrf0", ...IPS6],
    ["W6.4", "vrf1", ...IPS6],
    ["W6.5", "vrf1", IPS6[0], IPS6[0]],
  ])("%s: one interface in vrf0 and one in %s, with %s and %s", (_, second, ip0, ip1) => {
    const { reference, ours } = playBoth((side) => {
      set(side, `${TWO_LINKS}; ip address add ${ip0} dev dummy0`);
      const first = call(side, "ADD", { ip: ip0 });
      set(side, `ip address add ${ip1} dev dummy1`);
      const other = call(side, "ADD", { ifname: "dummy1", vrf: second, ip: ip1 });
      return { first, other, state: stateOf(side) };
    });
    expect(ours).toEqual(reference);
    expect(ours.state.tables).toEqual(second === "vrf0" ? [1] : [1, 2]);
    expect(ours.state.addresses).toEqual(
      expect.arrayContaining([`dummy0 ${ip0}`, `dummy1 ${ip1}`].map((line) => expect.stringContaining(line))),
    );
  });

  it.each([
    ["W7.0", "vrf0", 1001],
    ["W7.1", "vrf1", 1001],
    ["W7.2", "vrf0", 1002],
  ])("%s: vrf0 has table 1001, and %s is to have table %i", (row, vrf, table) => {
    const { reference, ours } = playBoth((side) => {
      set(side, TWO_LINKS);
      call(side, "ADD", { table: 1001 });
      const second = call(side, "ADD", { ifname: "dummy1", vrf, table });
      return { second, state: stateOf(side) };
    });
    expect(ours).toEqual(reference);
    const refused = "cmdAdd failed: VRF vrf0 already exist with different routing table 1001";
    if (row === "W7.2") expect(ours.second).toBe(refused);
    else expect(ours.second).toMatchObject({ interfaces: [{ name: "dummy1" }] });
  });

  it("W8: DEL of the last interface deletes the VRF, that of the first does not", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, TWO_LINKS);
      const second = { ifname: "dummy1" };
      const ended = [call(side, "ADD", {}), call(side, "ADD", second), call(side, "DEL", {})];
      set(side, "ip link del dummy0");
      const between = stateOf(side);
      ended.push(call(side, "DEL", second));
      set(side, "ip link del dummy1");
      return { ended, between, after: stateOf(side) };
    });
    expect(ours).toEqual(reference);
    expect([ours.between.vrfs, ours.after.vrfs]).toEqual([["vrf0"], []]);
  });

  it("W9: ADD, CHECK and DEL with 0.4.0", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, `${TWO_LINKS}; ip address add 10.0.0.2/24 dev dummy0; ip link set dummy0 up`);
      return ["ADD", "CHECK", "DEL", "DEL"].map((command) => call(side, command, {}, { cniVersion: "0.4.0" }));
    });
    expect(ours).toEqual(reference);
    expect(ours.slice(1)).toEqual(["done", "done", "done"]);
  });

  it.each([
    ["no name", { vrfName: "" }, "ADD", "configuration is expected to have a valid vrf name"],
    ["no result", { prevResult: undefined }, "ADD", "missing prevResult from earlier plugin"],
    ["a link of another kind", { vrfName: "dummy1" }, "ADD", "cmdAdd failed: Netlink dummy1 is not a VRF"],
  ])("%s is refused in the same words", (_, fields, command, message) => {
    const { reference, ours } = playBoth((side) => {
      set(side, TWO_LINKS);
      return call(side, command, {}, fields);
    });
    expect([reference, ours]).toEqual([message, message]);
  });

  it("an interface that is missing, or in no VRF, is told in the same words", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, `${TWO_LINKS}; ip link add vrf0 up type vrf table 7`);
      return [call(side, "ADD", { ifname: "nope0" }), call(side, "CHECK", {}, { cniVersion: "0.4.0" })];
    });
    expect(ours).toEqual(reference);
    expect(ours).toEqual([
      "cmdAdd failed: could not get link by name nope0",
      "failed to find dummy0 associated to vrf vrf0",
    ]);
  });
});

describe("unlike the reference,", () => {
  it("routes of scope link and IPv6 addresses are there again after DEL", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, `${TWO_LINKS}; ${FIRST}; ip route add 10.21.0.0/16 dev dummy0`);
      const see = () =>
        set(side, "ip route show; ip -6 route show; ip -6 -o address show dev dummy0 | awk '{ print $4 }'");
      const before = see();
      call(side, "ADD", {});
      const { routes } = stateOf(side);
      call(side, "DEL", {});
      return { isWhole: routes.includes("1: 10.21.0.0/16 dev dummy0 scope link"), isBack: see() === before };
    });
    expect(reference).toEqual({ isWhole: false, isBack: false });
    expect(ours).toEqual({ isWhole: true, isBack: true });
  });

  it("DEL leaves an interface in the bridge that it is in", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, `${TWO_LINKS}; ip link add vrf0 type vrf table 7; ip link add br0 type bridge`);
      set(side, "ip link set dummy0 master br0; ip link set dummy1 master vrf0");
      call(side, "DEL", {});
      return stateOf(side).members.find((line) => line.startsWith("dummy0"));
    });
    expect([reference, ours]).toEqual(["dummy0 in none", "dummy0 in br0"]);
  });

  it("a table with routes, or that a rule names, is not free", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, `${TWO_LINKS}; ip link set dummy1 up; ip route add 10.9.0.0/16 dev dummy1 table 1`);
      set(side, "ip -6 rule add from fd00::1 lookup 2");
      call(side, "ADD", {});
      return stateOf(side).tables;
    });
    expect([reference, ours]).toEqual([[1], [3]]);
  });
});
