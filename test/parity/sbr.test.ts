import { describe, expect, it } from "vitest";
import { binDir } from "../lab.ts";
import { referenceDir } from "./reference.ts";
import { playBoth, type Side, type StepOptions } from "./twins.ts";

type Config = Readonly<Record<string, unknown>>;

const plugin = "sbr";

/** What the Go plugins' own tests begin with: two interfaces, of which the second is to be routed by source. */
const TWO_LINKS = `
  ip link add eth0 type veth peer name eth0-host; ip link add net1 type veth peer name net1-host
  for link in eth0-host net1-host eth0 net1; do ip link set $link up; done
  ip address add 192.168.0.3/24 dev eth0; ip address add 192.168.1.209/24 dev net1
  ip route add default via 192.168.0.1 dev eth0; ip route add 192.168.5.0/24 via 192.168.1.5 dev net1`;

const ONE = [{ address: "192.168.1.209/24", gateway: "192.168.1.1" }];
const TWO = [...ONE, { address: "192.168.101.209/24", gateway: "192.168.101.1" }];

function set(side: Side, commands: string): void {
  side.lab.run(["sh", "-ec", commands], side.netns());
}

function sbr(side: Side, ips: readonly object[] | undefined, fields: Config = {}): Config {
  const interfaces = [{ name: "net1", sandbox: side.netns() }];
  const prevResult = ips && { cniVersion: "1.0.0", interfaces, ips: ips.map((ip) => ({ interface: 0, ...ip })) };
  return { cniVersion: "1.0.0", name: "net1", type: "sbr", ...fields, ...(prevResult && { prevResult }) };
}

function run(side: Side, command: string, config: Config, options: StepOptions = {}): string {
  const { status, stdout } = side.lab.plugin(plugin, {
    bin: side.bin,
    ifname: "net1",
    netns: side.netns(),
    command,
    config,
    ...options,
  });
  return `${status} ${status === 0 ? "" : JSON.parse(stdout).msg}`.trim();
}

function otherOf({ bin }: Side): string {
  return bin === binDir ? referenceDir() : binDir;
}

/** Rules and routes of IPv4, without who made them, the rules without their priorities. */
function stateOf(side: Side) {
  const lines = (command: string) => side.lab.run(["sh", "-c", command], side.netns()).trim().split("\n");
  const bare = (line: string) =>
    line
      .replace(/^\d+:\s*/, "")
      .replace(/ proto \w+/, "")
      .trim();
  const rules = lines("ip rule")
    .map(bare)
    .filter((line) => /^from \d/.test(line));
  const routes = lines("ip -4 route show table all")
    .map(bare)
    .filter((line) => !line.includes("table local"));
  return { rules: rules.sort(), routes: routes.sort() };
}

describe("sbr like the reference", () => {
  it("Q1: one address with a gateway gets a rule and table 100, its routes move there, and DEL deletes the rule", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, TWO_LINKS);
      const added = run(side, "ADD", sbr(side, ONE));
      const made = stateOf(side);
      const deleted = run(side, "DEL", sbr(side, ONE));
      return { added, made, deleted, rules: stateOf(side).rules };
    });
    expect(ours).toEqual(reference);
    expect(ours.made).toEqual({
      rules: ["from 192.168.1.209 lookup 100"],
      routes: [
        "192.168.0.0/24 dev eth0 scope link src 192.168.0.3",
        "192.168.1.0/24 dev net1 table 100 scope link src 192.168.1.209",
        "192.168.5.0/24 via 192.168.1.5 dev net1 table 100",
        "default via 192.168.0.1 dev eth0",
        "default via 192.168.1.1 dev net1 table 100",
      ],
    });
  });

  it("Q2: a default route that is there already moves", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, `${TWO_LINKS}; ip route del default; ip route add default via 192.168.1.1 dev net1`);
      const added = run(side, "ADD", sbr(side, ONE));
      return { added, made: stateOf(side) };
    });
    expect(ours).toEqual(reference);
    expect(ours.made.routes).toContain("default via 192.168.1.1 dev net1 table 100");
  });

  it("Q3: two addresses get tables 100 and 101, and a route without a gateway goes to both", () => {
    const { reference, ours } = playBoth((side) => {
      const more = "ip address add 192.168.101.209/24 dev net1; ip route add 10.9.0.0/16 dev net1";
      set(side, `${TWO_LINKS}; ${more}`);
      const added = run(side, "ADD", sbr(side, TWO));
      const made = stateOf(side);
      run(side, "DEL", sbr(side, TWO));
      return { added, made, rules: stateOf(side).rules };
    });
    expect(ours).toEqual(reference);
    expect(ours.made.rules).toEqual(["from 192.168.1.209 lookup 100", "from 192.168.101.209 lookup 101"]);
    expect(ours.made.routes.filter((route) => route.startsWith("10.9."))).toHaveLength(2);
  });

  it("Q4: 0.2.0 without a result is refused in the same words", () => {
    const { reference, ours } = playBoth((side) => run(side, "ADD", sbr(side, undefined, { cniVersion: "0.2.0" })));
    expect(ours).toEqual(reference);
    expect(ours).toBe("1 This plugin must be called as chained plugin");
  });

  it("Q5: with a table, only the rules are added", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, `${TWO_LINKS}; ip address add 192.168.101.209/24 dev net1`);
      const before = stateOf(side).routes;
      const added = run(side, "ADD", sbr(side, TWO, { table: 5000 }));
      const { rules, routes } = stateOf(side);
      run(side, "DEL", sbr(side, TWO, { table: 5000 }));
      return {
        added,
        rules,
        isUnchanged: JSON.stringify(routes) === JSON.stringify(before),
        left: stateOf(side).rules,
      };
    });
    expect(ours).toEqual(reference);
    const rules = ["from 192.168.1.209 lookup 5000", "from 192.168.101.209 lookup 5000"];
    expect(ours).toEqual({ added: "0", rules, isUnchanged: true, left: [] });
  });

  it.each([7, -1])("takes an address for the interface's whose index %i names no interface of the result", (index) => {
    const { reference, ours } = playBoth((side) => {
      set(side, TWO_LINKS);
      const config = sbr(side, [{ ...ONE[0], interface: index }], { table: 5000 });
      const added = run(side, "ADD", config);
      const { rules } = stateOf(side);
      return { added, rules, deleted: run(side, "DEL", config), left: stateOf(side).rules };
    });
    expect(ours).toEqual(reference);
    expect(ours).toEqual({ added: "0", rules: ["from 192.168.1.209 lookup 5000"], deleted: "0", left: [] });
  });

  it.each(["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])("passes the result on, %s", (cniVersion) => {
    const { reference, ours } = playBoth((side) => {
      set(side, TWO_LINKS);
      const old = { cniVersion, ip4: { ip: "192.168.1.209/24", gateway: "192.168.1.1" } };
      const ip = {
        address: "192.168.1.209/24",
        gateway: "192.168.1.1",
        interface: 0,
        ...(cniVersion < "1" && { version: "4" }),
      };
      const interfaces = [{ name: "net1", sandbox: "/run/netns/c1" }];
      const prevResult = cniVersion < "0.3" ? old : { cniVersion, interfaces, ips: [ip] };
      const config = { cniVersion, name: "net1", type: "sbr", prevResult };
      const { stdout } = side.lab.plugin(plugin, {
        bin: side.bin,
        ifname: "net1",
        netns: side.netns(),
        command: "ADD",
        config,
      });
      return { result: JSON.parse(stdout), made: stateOf(side) };
    });
    expect(ours).toEqual(reference);
  });

  it("Q1: what one has added, the other ends", () => {
    const ends = playBoth((side) => {
      set(side, TWO_LINKS);
      return (
        run(side, "ADD", sbr(side, ONE)) +
        run(side, "DEL", sbr(side, ONE), { bin: otherOf(side) }) +
        stateOf(side).rules
      );
    });
    expect(ends).toEqual({ reference: "00", ours: "00" });
  });
});

describe("ours, unlike the reference,", () => {
  it("gives the routes back", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, TWO_LINKS);
      const before = stateOf(side);
      run(side, "ADD", sbr(side, ONE));
      run(side, "DEL", sbr(side, ONE));
      return JSON.stringify(stateOf(side)) === JSON.stringify(before);
    });
    expect({ reference, ours }).toEqual({ reference: false, ours: true });
  });

  it("leaves a family without an address in main", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, `${TWO_LINKS}; ip address add fd00:1::9/64 dev net1 nodad`);
      run(side, "ADD", sbr(side, ONE));
      return side.lab.run(["ip", "-6", "route", "show", "fd00:1::/64", "table", "all"], side.netns()).trim();
    });
    expect(reference).toContain("table 100");
    expect(ours).toBe("fd00:1::/64 dev net1 proto kernel metric 256 pref medium");
  });

  it("leaves nothing of a second ADD", () => {
    const { reference, ours } = playBoth((side) => {
      set(side, TWO_LINKS);
      run(side, "ADD", sbr(side, ONE));
      const status = run(side, "ADD", sbr(side, ONE)).slice(0, 1);
      return [status, stateOf(side).rules.length];
    });
    expect({ reference, ours }).toEqual({ reference: ["1", 2], ours: ["1", 1] });
  });

  it("succeeds in DEL without the namespace", () => {
    const { reference, ours } = playBoth((side) => {
      return ["", `${side.lab.dir}/gone`].map((netns) => run(side, "DEL", sbr(side, ONE), { netns }).slice(0, 1));
    });
    expect({ reference, ours }).toEqual({ reference: ["1", "1"], ours: ["0", "0"] });
  });
});
