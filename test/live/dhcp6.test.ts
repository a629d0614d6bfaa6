import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { binDir, type Outcome } from "../lab.ts";
import { DhcpLab } from "./dhcp.ts";
import { endsOf, keaLeases, startKea6 } from "./kea.ts";

let dhcp: DhcpLab;
let netns: string;

beforeEach(() => {
  dhcp = new DhcpLab();
  netns = dhcp.lab.addNamespace("container");
  dhcp.lab.run(["ip", "address", "add", "fd00::1/64", "dev", "eth0", "nodad"], dhcp.server);
});

afterEach(() => dhcp.dispose());

function call(command: string, config: object, more: object = {}): Outcome {
  return dhcp.lab.plugin("bridge", { command, config, netns, ...more });
}

/** The result of an ADD that succeeds. */
function add(config: object) {
  const outcome = call("ADD", config);
  expect(outcome).toMatchObject({ status: 0 });
  return JSON.parse(outcome.stdout);
}

function expectDone(outcome: Outcome): void {
  expect(outcome).toMatchObject({ status: 0, stdout: "", stderr: "" });
}

/** The IPv6 addresses of eth0 that a server gave. */
function addresses(): readonly {
  local: string;
  prefixlen: number;
  valid_life_time: number;
  preferred_life_time: number;
}[] {
  const [link] = dhcp.lab.ip("-6 address show dev eth0 scope global", netns) as { addr_info?: [] }[];
  // `ip` prints {} for every address that the filter leaves out.
  return (link?.addr_info ?? []).filter((each) => Object.keys(each).length > 0);
}

function left() {
  const host = dhcp.lab.ip("link show type veth").map((link) => String(Object(link).ifname));
  const inside = dhcp.lab.ip("link show", netns).map((link) => String(Object(link).ifname));
  return { host, inside, files: dhcp.files() };
}

const LEASE_FILE = "lan:c1:eth0:ipv6.json";

function readFile() {
  return JSON.parse(fs.readFileSync(path.join(dhcp.folder, LEASE_FILE), "utf8"));
}

/** Lets it be time to renew the lease. Returns what its file said. */
function makeDue() {
  const given = readFile();
  fs.writeFileSync(path.join(dhcp.folder, LEASE_FILE), JSON.stringify({ ...given, renewAt: 1 }));
  return given;
}

function renew(): Outcome {
  return dhcp.lab.try([path.join(binDir, "dhcp"), "renew", "-socketpath", dhcp.socket]);
}

const NOTHING = { host: ["up0"], inside: ["lo"], files: [] };

const RANGE = "--dhcp-range=fd00::10,fd00::20,64,1h";

/** By itself it has another identifier after each start: the time is a part of it. */
const SAME_SERVER = "--dhcp-duid=1,01:02:03:04";

const DNS = [
  "--dhcp-option=option6:dns-server,[fd00::1],[fd00::2]",
  "--dhcp-option=option6:domain-search,a.example.org,b.example.org",
];

const IPV6 = { families: [6] };

describe("beside dnsmasq", () => {
  it("ADD gives an address alone and DNS settings, CHECK agrees, and DEL gives it back", async () => {
    await dhcp.startDnsmasq({ options: [RANGE, ...DNS] });
    const config = dhcp.network(IPV6);
    const result = add(config);
    expect(result).toMatchObject({
      ips: [{ address: expect.stringMatching(/^fd00::(1[0-9a-f]|20)\/128$/), interface: 2 }],
      dns: { nameservers: ["fd00::1", "fd00::2"], search: ["a.example.org", "b.example.org"] },
    });
    expect(result.ips[0]).not.toHaveProperty("gateway");
    expect(result).not.toHaveProperty("routes");
    const address = result.ips[0].address.split("/")[0];
    expect(addresses()).toMatchObject([{ local: address, prefixlen: 128 }]);
    expect(dhcp.dnsmasqLeases()).toEqual([address]);
    expect(dhcp.files()).toEqual(["lan:c1:eth0:ipv6.json"]);
    expectDone(call("CHECK", { ...config, prevResult: result }));
    expectDone(call("STATUS", config));
    expectDone(call("DEL", { ...config, prevResult: result }));
    await dhcp.until("dnsmasq has its address back", () => dhcp.dnsmasqLeases().length === 0);
    expect(left()).toEqual(NOTHING);
    expectDone(call("DEL", config));
  });

  it("gives both families in one result, and the same IPv6 address again to the same attachment", async () => {
    await dhcp.startDnsmasq({ options: [RANGE, ...DNS, "--dhcp-option=6,10.9.0.1", "--dhcp-option=3,10.9.0.1"] });
    const config = dhcp.network({ families: [4, 6] });
    const first = add(config);
    expect(first).toMatchObject({
      ips: [
        { address: expect.stringMatching(/^10\.9\.0\./), gateway: "10.9.0.1" },
        { address: expect.stringMatching(/^fd00::/) },
      ],
      routes: [{ dst: "0.0.0.0/0", gw: "10.9.0.1" }],
      dns: { nameservers: ["10.9.0.1", "fd00::1", "fd00::2"] },
    });
    expect(dhcp.files()).toEqual(["lan:c1:eth0.json", "lan:c1:eth0:ipv6.json"]);
    expectDone(call("CHECK", { ...config, prevResult: first }));
    expectDone(call("DEL", config, { netns: "" }));
    await dhcp.until("dnsmasq has both back", () => dhcp.dnsmasqLeases().length === 0);
    expect(left()).toEqual(NOTHING);
    expect(add(config).ips[1]).toEqual(first.ips[1]);
  });

  it("works where the runtime has turned IPv6 off in the namespace", async () => {
    await dhcp.startDnsmasq({ options: [RANGE] });
    dhcp.lab.run(["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"], netns);
    add(dhcp.network(IPV6));
    expect(addresses()).toHaveLength(1);
  });

  it("`dhcp renew` asks for more time from T1 on, and limits the address to the lease", async () => {
    await dhcp.startDnsmasq({ options: ["--dhcp-range=fd00::10,fd00::20,64,120"] });
    add(dhcp.network(IPV6));
    const given = makeDue();
    expectDone(renew());
    const renewed = readFile();
    expect(renewed).toMatchObject({ address: given.address, server: given.server });
    expect(renewed.expireAt).toBeGreaterThan(given.expireAt);
    expect(renewed.renewAt).toBeGreaterThan(1);
    expect(addresses()).toMatchObject([{ local: given.address.split("/")[0] }]);
    expect(addresses()[0]?.valid_life_time).toBeLessThanOrEqual(120);
  });

  it("`dhcp renew` gives the interface another address if the server no longer knows the lease", async () => {
    await dhcp.startDnsmasq({ options: [RANGE, SAME_SERVER] });
    add(dhcp.network(IPV6));
    const given = makeDue();
    await dhcp.stopDnsmasq();
    await dhcp.startDnsmasq({ options: ["--dhcp-range=fd00::30,fd00::30,64,1h", SAME_SERVER] });
    const { status, stderr } = renew();
    expect(status, stderr).toBe(0);
    expect(stderr).toContain(`c1/lan/eth0: the lease of ${given.address} is lost: a server refused it`);
    expect(addresses()).toMatchObject([{ local: "fd00::30", prefixlen: 128 }]);
    expect(readFile()).toMatchObject({ address: "fd00::30/128" });
    expectDone(call("DEL", dhcp.network(IPV6)));
    await dhcp.until("dnsmasq has its address back", () => dhcp.dnsmasqLeases().length === 0);
  });

  it("GC gives back what is stale", async () => {
    await dhcp.startDnsmasq({ options: [RANGE] });
    const config = dhcp.network({ families: [4, 6] });
    add(config);
    expectDone(call("GC", { ...config, "cni.dev/valid-attachments": [] }));
    await dhcp.until("dnsmasq has both back", () => dhcp.dnsmasqLeases().length === 0);
    expect(left().files).toEqual([]);
  });
});

describe("what ADD says of a server that gives nothing", () => {
  it("code 11 where nobody answers, and nothing is left, also of an IPv4 lease", async () => {
    await dhcp.startDnsmasq();
    const outcome = call("ADD", dhcp.network({ families: [4, 6], timeout: 4 }));
    expect(outcome.status).toBe(1);
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      code: 11,
      msg: expect.stringMatching(/^Cannot get a DHCPv6 lease for "eth0" within \d s: no server answered \d questions$/),
    });
    await dhcp.until("the IPv4 lease is given back", () => dhcp.dnsmasqLeases().length === 0);
    expect(left()).toEqual(NOTHING);
  });

  it("code 11 with the server's words where it has no free address", async () => {
    await dhcp.startDnsmasq({ options: ["--dhcp-range=fd00::10,fd00::10,64,1h"] });
    const other = dhcp.lab.addNamespace("other");
    add(dhcp.network(IPV6));
    const outcome = call("ADD", dhcp.network({ ...IPV6, timeout: 5 }), { netns: other, containerId: "c2" });
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      code: 11,
      msg: expect.stringMatching(
        /^Cannot get a DHCPv6 lease for "eth0" within \d s: server DUID 0001\w+ refused \("[^"]+"\)$/,
      ),
    });
    expect(dhcp.files()).toEqual(["lan:c1:eth0:ipv6.json"]);
  });

  it("code 11 where the interface has no link-local address", async () => {
    dhcp.lab.run(["sysctl", "-qw", "net.ipv6.conf.default.addr_gen_mode=1"], netns);
    const outcome = call("ADD", dhcp.network({ ...IPV6, timeout: 1 }));
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      code: 11,
      msg: 'Cannot get a DHCPv6 lease for "eth0": it has no IPv6 link-local address',
    });
    expect(left()).toEqual(NOTHING);
  });
});

describe("dhcp daemon beside Kea", () => {
  const startDaemon = () => dhcp.start([path.join(binDir, "dhcp"), "daemon", "-socketpath", dhcp.socket], "");

  it("renews at T1, also after it was killed, limits the address to the lease, and DEL's release is in the file", async () => {
    await startKea6(dhcp, 12);
    const first = await startDaemon();
    const config = dhcp.network(IPV6);
    const result = add(config);
    const address = result.ips[0].address.split("/")[0];
    await dhcp.until("the address is limited", () => (addresses()[0]?.valid_life_time ?? 1e9) <= 12);
    const ends = () => endsOf(dhcp, address).length;
    await dhcp.until("it is renewed", () => ends() >= 2);
    await dhcp.stop(first.pid, "SIGKILL");
    const second = await startDaemon();
    const before = ends();
    await dhcp.until("it is renewed twice", () => ends() >= before + 2);
    expect(addresses()).toMatchObject([{ local: address, prefixlen: 128 }]);
    expectDone(call("CHECK", { ...config, prevResult: result }));
    expect(second.output()).toBe("");
    expectDone(call("DEL", config));
    await dhcp.until("the release is written", () => keaLeases(dhcp).at(-1)?.lifetime === 0);
    expect(keaLeases(dhcp).at(-1)).toMatchObject({ address });
    expect(left()).toEqual(NOTHING);
  });
});
