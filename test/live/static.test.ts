import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab, type Outcome } from "../lab.ts";
import { Lan } from "./lan.ts";

let lab: Lab;

beforeEach(() => {
  lab = new Lab();
});

afterEach(() => lab.dispose());

const ipam = {
  type: "static",
  addresses: [
    { address: "10.93.0.10/24", gateway: "10.93.0.1" },
    { address: "fd00:93::10/64", gateway: "fd00:93::1" },
  ],
  routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
};

const base = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipam };

function run(command: string, config: object, more: { netns: string; containerId?: string; args?: string }): Outcome {
  return lab.plugin("bridge", { command, config: { ...base, ...config }, ...more });
}

function done(outcome: Outcome): Outcome {
  expect(outcome).toMatchObject({ status: 0, stderr: "" });
  return outcome;
}

function addressesIn(netns: string): readonly string[] {
  const [link] = lab.ip("address show dev eth0 scope global", netns);
  const found: readonly { local: string; prefixlen: number }[] = Object(link).addr_info;
  // `ip` prints {} for an address that the scope leaves out.
  return found.filter(({ local }) => local !== undefined).map(({ local, prefixlen }) => `${local}/${prefixlen}`);
}

describe("static under bridge", () => {
  it("gives what is configured and what is requested, and both reach each other and the gateway", () => {
    const [first, second] = [lab.addNamespace("c1"), lab.addNamespace("c2")];
    done(run("ADD", {}, { netns: first }));
    const runtimeConfig = { ips: ["10.93.0.77/24", "fd00:93::77/64"] };
    const { stdout } = done(run("ADD", { runtimeConfig }, { netns: second, containerId: "c2" }));
    expect(JSON.parse(stdout)).toMatchObject({
      ips: [
        { address: "10.93.0.77/24", gateway: "10.93.0.1", interface: 2 },
        { address: "fd00:93::77/64", gateway: "fd00:93::1", interface: 2 },
      ],
      routes: ipam.routes,
    });
    expect(addressesIn(first)).toEqual(["10.93.0.10/24", "fd00:93::10/64"]);
    expect(addressesIn(second)).toEqual(["10.93.0.77/24", "fd00:93::77/64"]);
    for (const target of ["10.93.0.77", "fd00:93::77", "10.93.0.1", "fd00:93::1"])
      lab.run(["ping", "-n", "-c1", "-W10", target], first);
    const prevResult = JSON.parse(stdout);
    done(run("CHECK", { runtimeConfig, prevResult }, { netns: second, containerId: "c2" }));
    done(run("DEL", {}, { netns: second, containerId: "c2" }));
    expect(lab.ip("link show", second)).toHaveLength(1);
  });

  it("takes addresses of CNI_ARGS beside a key of somebody else's", () => {
    const netns = lab.addNamespace("c1");
    const args = "IgnoreUnknown=1;K8S_POD_NAME=p;IP=10.93.0.5/24;GATEWAY=10.93.0.1";
    done(run("ADD", { ipam: { type: "static" } }, { netns, args }));
    expect(addressesIn(netns)).toEqual(["10.93.0.5/24"]);
    lab.run(["ping", "-n", "-c1", "-W10", "10.93.0.1"], netns);
  });

  it.each([
    ["no address", { type: "static" }, 108],
    ["an address that is none", { type: "static", addresses: [{ address: "10.93.0.10" }] }, 7],
  ])("leaves nothing of an ADD with %s", (_, broken, code) => {
    const netns = lab.addNamespace("c1");
    const outcome = run("ADD", { ipam: broken }, { netns });
    expect([outcome.status, JSON.parse(outcome.stdout).code]).toEqual([1, code]);
    expect(lab.ip("link show", netns)).toHaveLength(1);
    expect(lab.ip("link show")).toHaveLength(1);
    done(run("DEL", { ipam: broken }, { netns }));
  });
});

describe("static with checkConflict", () => {
  let lan: Lan;
  beforeEach(() => {
    lan = new Lan();
  });
  afterEach(() => lan.dispose());

  const others = ["10.93.0.1/24", "fd00:93::1/64"];
  const free = ["10.93.0.50/24", "fd00:93::50/64"];

  function asking(...addresses: string[]) {
    const own = { type: "static", checkConflict: true, addresses: addresses.map((address) => ({ address })) };
    return { cniVersion: "1.1.0", name: "net1", ipam: own };
  }

  /** A network on up0: on the link itself, or on a bridge that has it as a port. */
  const networks = {
    macvlan: { type: "macvlan", master: "up0" },
    bridge: { type: "bridge", bridge: "br0" },
    strict: { type: "bridge", bridge: "br0", spoofchk: "strict" },
  } as const;

  function addBridge(): void {
    lan.run("ip link add br0 type bridge".split(" "));
    lan.run("ip link set br0 up".split(" "));
    lan.run("ip link set up0 master br0".split(" "));
  }

  function call(command: string, type: keyof typeof networks, ipam: object, netns: string): Outcome {
    return lan.plugin(networks[type].type, { command, config: { ...ipam, ...networks[type] }, netns });
  }

  it.each(["macvlan", "bridge", "strict"] as const)(
    "below %s refuses an address that another host has, and leaves nothing",
    (type) => {
      if (type !== "macvlan") addBridge();
      const netns = lan.addNamespace("c1");
      const before = lan.linkNames();
      const { address: mac } = lan.link("lan0", lan.lan);
      for (const [index, address] of others.entries()) {
        const ipam = asking(address, ...free);
        const { status, stdout } = call("ADD", type, ipam, netns);
        const said = `Cannot use ${address.split("/")[0]}: the host with MAC ${mac} on the link of "eth0" has it`;
        expect([index, status, JSON.parse(stdout)]).toMatchObject([index, 1, { code: 101, msg: said }]);
        expect([lan.linkNames(netns), lan.linkNames()]).toEqual([[], before]);
        done(call("DEL", type, ipam, netns));
      }
      const { msg } = JSON.parse(call("ADD", type, asking(...others), netns).stdout);
      for (const address of ["10.93.0.1", "fd00:93::1"])
        expect(msg).toContain(`Cannot use ${address}: the host with MAC ${mac}`);
    },
  );

  it.each(["macvlan", "bridge"] as const)(
    "below %s gives addresses that nobody has, and they are announced",
    (type) => {
      if (type === "bridge") addBridge();
      const netns = lan.addNamespace("c1");
      // The neighbour remembers somebody else who had the addresses.
      for (const address of ["10.93.0.50", "fd00:93::50"])
        lan.inLan(`ip neigh replace ${address} lladdr 02:00:00:00:00:99 nud stale dev lan0`);
      const { stdout } = done(call("ADD", type, asking(...free), netns));
      expect(lan.addresses("eth0", netns)).toEqual(free);
      const mac = lan.link("eth0", netns)["address"];
      const known = () => lan.ip("neigh show", lan.lan).filter((each) => Object(each).lladdr === mac);
      const deadline = performance.now() + 10_000;
      while (known().filter((each) => /:50$|\.50$/.test(Object(each).dst)).length < 2 && performance.now() < deadline);
      expect(known().map((each) => Object(each).dst)).toEqual(expect.arrayContaining(["10.93.0.50", "fd00:93::50"]));
      const prevResult = JSON.parse(stdout);
      done(call("CHECK", type, { ...asking(...free), prevResult }, netns));
      done(call("DEL", type, asking(...free), netns));
      expect(lan.linkNames(netns)).toEqual([]);
    },
  );

  it("below a bridge with a spanning tree asks when the port forwards", () => {
    addBridge();
    lan.run("ip link set br0 type bridge stp_state 1 forward_delay 200".split(" "));
    const netns = lan.addNamespace("c1");
    const { status, stdout, stderr } = call("ADD", "bridge", asking("10.93.0.1/24"), netns);
    expect([status, JSON.parse(stdout)]).toMatchObject([1, { code: 101 }]);
    expect(stderr.match(/takes part in a spanning tree/g)).toHaveLength(1);
    expect(lan.linkNames(netns)).toEqual([]);
  });

  it("below ptp refuses an address of the host, and gives others", () => {
    const netns = lan.addNamespace("c1");
    lan.run("ip address add 10.93.0.7/24 dev up0".split(" "));
    const ptp = (address: string) => ({ ...asking(address), type: "ptp" });
    const { stdout } = lan.plugin("ptp", { command: "ADD", config: ptp("10.93.0.7/24"), netns });
    expect(JSON.parse(stdout)).toMatchObject({ code: 101 });
    expect([lan.linkNames(netns), lan.linkNames()]).toEqual([[], ["up0"]]);
    done(lan.plugin("ptp", { command: "ADD", config: ptp("10.93.1.50/24"), netns }));
    expect(lan.addresses("eth0", netns)).toEqual(["10.93.1.50/24"]);
  });

  it("refuses an address that another container is asking for", async () => {
    const namespaces = [lan.addNamespace("c1"), lan.addNamespace("c2")];
    const ipam = asking(...free);
    const outcomes = await Promise.all(
      namespaces.map(
        (netns, index) =>
          lan.start("macvlan", {
            command: "ADD",
            config: { ...ipam, ...networks.macvlan },
            netns,
            containerId: `c${index}`,
          }).ended,
      ),
    );
    expect(outcomes.filter(({ status }) => status === 0).length).toBeLessThan(2);
    for (const { status, stdout } of outcomes)
      if (status !== 0) expect(JSON.parse(stdout)).toMatchObject({ code: 101 });
  });

  it("without a carrier says so, and goes on", () => {
    const netns = lan.addNamespace("c1");
    lan.inLan("ip link set lan0 down");
    const { status, stderr } = call("ADD", "macvlan", asking("10.93.0.1/24"), netns);
    expect([status, stderr]).toEqual([0, 'Cannot check for address conflicts: "eth0" has had no carrier for 5 s\n']);
  });

  it("refuses a link without ARP", () => {
    const netns = lan.addNamespace("c1");
    lan.run("ip link add eth0 type ifb".split(" "), netns);
    const { status, stdout } = lan.plugin("static", { command: "ADD", config: asking(...free), netns });
    const msg = 'Cannot check for address conflicts: "eth0" is on a link without ARP';
    expect([status, JSON.parse(stdout)]).toMatchObject([1, { code: 2, msg }]);
  });

  it("without the interface says what to do", () => {
    const netns = lan.addNamespace("c1");
    const { status, stdout } = lan.plugin("static", { command: "ADD", config: asking(...free), netns });
    expect([status, JSON.parse(stdout)]).toMatchObject([
      1,
      {
        code: 7,
        msg: `Cannot check for address conflicts: "eth0" is not in ${netns}`,
        details: "call static when the interface exists, or remove ipam.checkConflict",
      },
    ]);
  });
});
