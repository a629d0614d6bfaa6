import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { confDir } from "../caller.ts";
import { binDir, type Outcome } from "../lab.ts";
import { DhcpLab } from "./dhcp.ts";

let dhcp: DhcpLab;
let netns: string;

beforeEach(() => {
  dhcp = new DhcpLab();
  netns = dhcp.lab.addNamespace("container");
});

afterEach(() => dhcp.dispose());

function call(command: string, config: object, more: object = {}): Outcome {
  return dhcp.lab.plugin("bridge", { command, config, netns, ...more });
}

/** The result of an ADD that succeeds. */
function add(config: object, more: object = {}) {
  const outcome = call("ADD", config, more);
  expect(outcome).toMatchObject({ status: 0 });
  return JSON.parse(outcome.stdout);
}

function expectDone(outcome: Outcome): void {
  expect(outcome).toMatchObject({ status: 0, stdout: "", stderr: "" });
}

/** What is left on the host and in the container. */
function left() {
  const host = dhcp.lab.ip("link show type veth").map((link) => String(Object(link).ifname));
  const inside = dhcp.lab.ip("link show", netns).map((link) => String(Object(link).ifname));
  return { host, inside, files: dhcp.files() };
}

const NOTHING = { host: ["up0"], inside: ["lo"], files: [] };

describe("with other plugins than bridge", () => {
  /** A device whose other end is a port of the bridge that the server is behind. */
  function addDevice(): void {
    dhcp.lab.run(["ip", "link", "add", "port0", "master", "lan0", "type", "veth", "peer", "name", "dev0"]);
    dhcp.lab.run(["ip", "link", "set", "port0", "up"]);
  }

  const released = () => dhcp.until("dnsmasq has its address back", () => dhcp.dnsmasqLeases().length === 0);

  it.each([
    ["macvlan", { master: "lan0" }],
    ["host-device", { device: "dev0" }],
  ])(
    "%s: the lease comes through its own link, which is down until then, and goes back with DEL",
    async (type, fields) => {
      addDevice();
      await dhcp.startDnsmasq();
      const config = { ...dhcp.network(), type, ...fields };
      const outcome = dhcp.lab.plugin(type, { command: "ADD", config, netns });
      expect(outcome).toMatchObject({ status: 0 });
      const prevResult = JSON.parse(outcome.stdout);
      expect(dhcp.dnsmasqLeases().map((address) => `${address}/24`)).toEqual([prevResult.ips[0].address]);
      dhcp.lab.run(["ping", "-q", "-c", "1", "-W", "5", "10.9.0.1"], netns);
      expectDone(dhcp.lab.plugin(type, { command: "CHECK", config: { ...config, prevResult }, netns }));
      expectDone(dhcp.lab.plugin(type, { command: "DEL", config: { ...config, prevResult }, netns }));
      await released();
    },
  );

  it("host-device: GC gives the lease back before it takes the device", async () => {
    addDevice();
    await dhcp.startDnsmasq();
    const config = { ...dhcp.network(), type: "host-device", device: "dev0" };
    expect(dhcp.lab.plugin("host-device", { command: "ADD", config, netns })).toMatchObject({ status: 0 });
    const none = { ...config, "cni.dev/valid-attachments": [] };
    expectDone(dhcp.lab.plugin("host-device", { command: "GC", config: none, netns: "", containerId: "", ifname: "" }));
    await released();
    expect(dhcp.lab.ip("link show dev dev0")).toHaveLength(1);
  });
});

describe("beside dnsmasq", () => {
  it("ADD gives what the server says, CHECK agrees, and DEL gives it back while the link is up", async () => {
    const options = [
      "3,10.9.0.1",
      "6,10.9.0.1,9.9.9.9",
      "15,example.org",
      "26,1400",
      "119,a.example.org,b.example.org",
    ];
    await dhcp.startDnsmasq({ last: 5, options: options.map((each) => `--dhcp-option=${each}`) });
    const config = dhcp.network({ priority: 77 });
    const result = add(config);
    expect(result).toMatchObject({
      ips: [{ address: "10.9.0.5/24", gateway: "10.9.0.1", interface: 2 }],
      routes: [{ dst: "0.0.0.0/0", gw: "10.9.0.1", mtu: 1400, priority: 77 }],
      dns: { nameservers: ["10.9.0.1", "9.9.9.9"], domain: "example.org", search: ["a.example.org", "b.example.org"] },
    });
    expect(dhcp.lab.run(["ip", "route", "show", "default"], netns)).toContain(
      "via 10.9.0.1 dev eth0 metric 77 mtu 1400",
    );
    expect(dhcp.files()).toEqual(["lan:c1:eth0.json"]);
    expect(fs.statSync(dhcp.folder).mode & 0o777).toBe(0o700);
    expect(fs.statSync(path.join(dhcp.folder, "lan:c1:eth0.json")).mode & 0o777).toBe(0o600);
    expectDone(call("CHECK", { ...config, prevResult: result }));
    expectDone(call("STATUS", config));
    expect(dhcp.dnsmasqLeases()).toEqual(["10.9.0.5"]);
    expectDone(call("DEL", { ...config, prevResult: result }));
    await dhcp.until("dnsmasq has its address back", () => dhcp.dnsmasqLeases().length === 0);
    expect(left()).toEqual(NOTHING);
    expectDone(call("DEL", config));
  });

  it("the list of conf/ works as it stands, with a folder of leases and a cache of results of its own", async () => {
    await dhcp.startDnsmasq();
    const script = `
      mount -t tmpfs none /var/lib
      mkdir -p /run/cni
      mount -t tmpfs none /run/cni
      for verb in add check del; do ${binDir}/cnictl $verb lan ${netns}; done
      ls /run/cni/dhcp`;
    const variables = ["env", `NETCONFPATH=${confDir}`, `CNI_PATH=${binDir}`];
    const { status, stdout, stderr } = dhcp.lab.try(["unshare", "--mount", ...variables, "sh", "-ec", script]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/10\.9\.0\.\d+/);
    expect(left()).toEqual(NOTHING);
  });

  it("prefers option 121 to routers: RFC 3442", async () => {
    const routes = "121,10.0.0.0/8,10.9.0.3,0.0.0.0/0,10.9.0.1,10.9.0.77/32,0.0.0.0";
    await dhcp.startDnsmasq({ options: ["--dhcp-option=3,10.9.0.2", `--dhcp-option=${routes}`] });
    expect(add(dhcp.network())).toMatchObject({
      ips: [{ gateway: "10.9.0.2" }],
      routes: [
        { dst: "10.0.0.0/8", gw: "10.9.0.3" },
        { dst: "0.0.0.0/0", gw: "10.9.0.1" },
        { dst: "10.9.0.77/32", gw: "0.0.0.0", scope: 253 },
      ],
    });
    const shown = dhcp.lab.run(["ip", "route"], netns);
    for (const line of ["default via 10.9.0.1", "10.0.0.0/8 via 10.9.0.3", "10.9.0.77 dev eth0 scope link"])
      expect(shown).toContain(line);
  });

  it.each([
    ["a network of the address alone", "32", { 3: "0a090001" }],
    ["a router elsewhere", "24", { 3: "ac100001" }],
    ["a route on the link behind the one that needs it", "32", { 121: "000a090001200a09000100000000" }],
  ])("reaches the router with %s, and CHECK agrees", async (_, length, options) => {
    const mask = length === "32" ? { 1: "ffffffff" } : {};
    await dhcp.startServer({ options: { ...mask, ...options } });
    const prevResult = add(dhcp.network());
    expect(prevResult.ips[0].address).toBe(`10.9.0.7/${length}`);
    const router = Object.values(options)[0] === "ac100001" ? "172.16.0.1" : "10.9.0.1";
    expect(dhcp.lab.run(["ip", "route"], netns)).toMatch(
      new RegExp(`default via ${router} dev eth0 .*${router} dev eth0 scope link`, "s"),
    );
    expectDone(call("CHECK", { ...dhcp.network(), prevResult }));
  });

  it("has a lease for each interface, and DEL of one leaves the other", async () => {
    await dhcp.startDnsmasq({ last: 6, options: ["--dhcp-sequential-ip"] });
    const config = dhcp.network();
    expect(add(config).ips[0].address).toBe("10.9.0.5/24");
    expect(add(config, { ifname: "eth1" }).ips[0].address).toBe("10.9.0.6/24");
    expect(dhcp.files()).toEqual(["lan:c1:eth0.json", "lan:c1:eth1.json"]);
    expectDone(call("DEL", config));
    await dhcp.until("one is back", () => dhcp.dnsmasqLeases().join() === "10.9.0.6");
    expect(dhcp.files()).toEqual(["lan:c1:eth1.json"]);
  });

  it("DEL needs neither CNI_NETNS nor a valid configuration: the lease file knows the namespace", async () => {
    await dhcp.startDnsmasq();
    const config = dhcp.network();
    add(config);
    const broken = { ...config, ipam: { type: "dhcp", daemonSocketPath: dhcp.socket, request: "all", timeout: -1 } };
    expectDone(call("DEL", broken, { netns: "" }));
    await dhcp.until("dnsmasq has its address back", () => dhcp.dnsmasqLeases().length === 0);
    expect(left()).toEqual(NOTHING);
  });

  it("DEL after the namespace is gone deletes the file, and GC gives back what is stale", async () => {
    await dhcp.startDnsmasq();
    const config = dhcp.network();
    const gone = dhcp.lab.addNamespace("gone");
    add(config, { netns: gone, containerId: "c2" });
    add(config);
    add(dhcp.network({}, "other"), { ifname: "eth1" });
    dhcp.lab.deleteNamespace(gone);
    expectDone(call("DEL", config, { netns: gone, containerId: "c2" }));
    expect(dhcp.files()).toEqual(["lan:c1:eth0.json", "other:c1:eth1.json"]);
    expectDone(call("GC", { ...config, "cni.dev/valid-attachments": [{ containerID: "c1", ifname: "eth0" }] }));
    expect(dhcp.files()).toEqual(["lan:c1:eth0.json", "other:c1:eth1.json"]);
    const before = dhcp.dnsmasqLeases().length;
    expectDone(call("GC", { ...config, "cni.dev/valid-attachments": [] }));
    expect(dhcp.files()).toEqual(["other:c1:eth1.json"]);
    await dhcp.until("one is back", () => dhcp.dnsmasqLeases().length === before - 1);
  });
});

describe("what ADD says of a server that gives nothing", () => {
  it.each([
    ["is silent", { silent: true }, /^Cannot get a DHCP lease for "eth0" within 3 s: no server answered 2 questions$/],
    ["answers no request", { ignore: true }, /: server 10\.9\.0\.1 offered 10\.9\.0\.7, and did not answer/],
    ["refuses", { nak: ["REQUEST"] }, /: server 10\.9\.0\.1 refused \("no longer"\)$/],
    ["names no mask", { mask: false }, /^DHCP option Subnet Mask not found in DHCPACK$/],
  ] as const)("code 11 where it %s, and nothing is left", async (_, mode, message) => {
    await dhcp.startServer(mode);
    const outcome = call("ADD", dhcp.network({ timeout: 3 }));
    expect(outcome.status).toBe(1);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ code: 11, msg: expect.stringMatching(message) });
    expect(left()).toEqual({ ...NOTHING, files: [] });
  });

  it("code 11 where the link has no carrier", () => {
    const other = dhcp.lab.addNamespace("other");
    const inside = path.basename(netns);
    dhcp.lab.run(["ip", "link", "add", "v0", "type", "veth", "peer", "name", "eth0", "netns", inside], other);
    const config = dhcp.network({ timeout: 1 });
    const outcome = dhcp.lab.plugin("dhcp", { command: "ADD", config, netns });
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      code: 11,
      msg: 'Cannot get a DHCP lease for "eth0" within 1 s: the link has no carrier',
    });
    expect(dhcp.lab.ip("link show eth0", netns)).not.toMatchObject([{ flags: expect.arrayContaining(["UP"]) }]);
  });

  it("a lease is given back where the rest of ADD fails, through the interface before it is deleted", async () => {
    // The kernel makes no route to a network of all addresses, so none leads to the router.
    await dhcp.startServer({ options: { 1: "00000000", 3: "0a090001" } });
    expect(call("ADD", dhcp.network()).status).toBe(1);
    expect(dhcp.received().at(-1)).toMatchObject({ type: "RELEASE", from: "10.9.0.7", to: "10.9.0.1" });
    expect(left()).toEqual(NOTHING);
  });
});

it("`cnictl leases` and `inspect` show the lease with its server and its end, and none after DEL", async () => {
  await dhcp.startDnsmasq();
  const lists = path.join(dhcp.lab.dir, "net.d");
  fs.mkdirSync(lists);
  const { cniVersion, name, ...plugin } = Object(dhcp.network());
  fs.writeFileSync(path.join(lists, "lan.conflist"), JSON.stringify({ cniVersion, name, plugins: [plugin] }));
  const cnictl = (...args: string[]) => {
    const argv = ["env", `NETCONFPATH=${lists}`, path.join(binDir, "cnictl"), ...args, "--json"];
    return JSON.parse(dhcp.lab.run([...argv, "--cache-dir", dhcp.lab.dir]));
  };
  const leases = () => cnictl("leases", "lan").dhcp;
  const address = add(dhcp.network()).ips[0].address.split("/")[0];
  const lease = {
    ...{ network: "lan", containerId: "c1", ifname: "eth0", netns, address, server: "10.9.0.1" },
    ...{ boot: "this", file: path.join(dhcp.folder, "lan:c1:eth0.json"), state: "in use" },
    until: expect.stringMatching(/^\d{4}-.*Z$/),
  };
  expect(leases()).toEqual([lease]);
  expect(cnictl("inspect", "c1").attachments).toMatchObject([{ network: "lan", host: { dhcp: [lease] } }]);
  expectDone(call("DEL", dhcp.network()));
  expect(leases()).toEqual([]);
});

describe("what the server is told", () => {
  it("is who asks, what is provided, and what is asked for", async () => {
    await dhcp.startServer();
    const provide = [
      { option: "host-name", value: "blue" },
      { option: "60", value: "x", fromArg: "CLASS" },
    ];
    const config = dhcp.network({ provide, request: [{ option: "42" }], broadcast: true });
    add(config, { args: "IgnoreUnknown=1;CLASS=cni" });
    const [discover, request] = dhcp.received();
    const identity = { 12: hex("blue"), 60: hex("cni"), 61: `00${hex("c1/lan/eth0")}` };
    const asked = { 55: "2a01790321060f1a77" };
    expect(discover).toMatchObject({ type: "DISCOVER", from: "0.0.0.0", to: "255.255.255.255", broadcast: true });
    expect(discover?.options).toMatchObject({ ...identity, ...asked });
    expect(request).toMatchObject({
      type: "REQUEST",
      options: { ...identity, ...asked, 50: "0a090007", 54: "0a090001" },
    });
    expectDone(call("DEL", config));
    const release = await dhcp.until("it is released", () => dhcp.received().find(({ type }) => type === "RELEASE"));
    expect(release).toMatchObject({ from: "10.9.0.7", to: "10.9.0.1", client: "10.9.0.7" });
    expect(release.options).toEqual({ 53: "07", 54: "0a090001", 61: identity[61] });
  });
});

describe("CHECK says what is wrong", () => {
  it.each([
    ["the address is gone", ["ip", "address", "flush", "dev", "eth0"], /lacks 10\.9\.0\.7\/24/],
    ["the MAC is another", ["ip", "link", "set", "eth0", "address", "02:00:00:00:00:99"], /has MAC 02:00:00:00:00:99/],
    ["the interface is gone", ["ip", "link", "del", "eth0"], /dhcp: interface "eth0" in \S+ is missing/],
  ] as const)("%s", async (_, command, message) => {
    await dhcp.startServer();
    const config = dhcp.network();
    const prevResult = add(config);
    dhcp.lab.run(command, netns);
    const outcome = call("CHECK", { ...config, prevResult });
    expect(JSON.parse(outcome.stdout)).toMatchObject({ code: 104, msg: expect.stringMatching(message) });
  });

  it("the lease is over, or is not recorded", async () => {
    await dhcp.startServer({ seconds: 2 });
    const config = dhcp.network();
    const prevResult = add(config);
    const check = () => JSON.parse(call("CHECK", { ...config, prevResult }).stdout || "{}");
    await dhcp.until("it is over", () => check().code === 104);
    expect(check().msg).toMatch(/^dhcp: the lease of 10\.9\.0\.7 is over: start "dhcp daemon"/);
    expect(call("STATUS", config).stderr).toMatch(/^1 lease is not renewed in time/);
    fs.rmSync(path.join(dhcp.folder, "lan:c1:eth0.json"));
    expect(check().msg).toMatch(/^dhcp: Cannot find the lease of container c1/);
  });
});

function hex(text: string): string {
  return Buffer.from(text).toString("hex");
}
