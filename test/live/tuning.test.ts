import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ownerComment } from "../../src/netfilter/owner.ts";
import { type Call, Lab, type Outcome } from "../lab.ts";
import { type Attached, attach } from "./attached.ts";
import { errorOf } from "./traces.ts";

const MAC = "02:00:00:00:00:0a";

let lab: Lab;
let netns: string;
let dataDir: string;
/** What `bridge` said of the container's interface. */
let prevResult: Attached;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  dataDir = path.join(lab.dir, "tuning");
  prevResult = attach(lab, netns);
});

afterEach(() => lab.dispose());

function config(fields: object = {}) {
  return { cniVersion: "1.1.0", name: "net1", type: "tuning", dataDir, prevResult, ...fields };
}

function run(command: string, fields: object = {}, more: Partial<Call> = {}): Outcome {
  return lab.plugin("tuning", { command, config: config(fields), netns, ...more });
}

function add(fields: object, more: Partial<Call> = {}) {
  const { status, stdout, stderr } = run("ADD", fields, more);
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout);
}

/** The container's interface, as far as tuning changes it. */
function link() {
  const { address, mtu, txqlen, flags } = Object(lab.ip("link show dev eth0", netns)[0]);
  const { PROMISC: promisc, ALLMULTI: allmulti } = {
    PROMISC: flags.includes("PROMISC"),
    ALLMULTI: flags.includes("ALLMULTI"),
  };
  return { address, mtu, txqlen, promisc, allmulti };
}

const sysctl = (name: string, where = netns) => lab.run(["cat", `/proc/sys/net/${name}`], where).trim();

const backups = () => (fs.existsSync(dataDir) ? fs.readdirSync(dataDir) : []);

const quiet = { status: 0, stdout: "", stderr: "" };

const everything = { mac: MAC, mtu: 1300, promisc: true, allmulti: true, txQLen: 500 };

describe("tuning ADD", () => {
  it("sets everything on the interface, and reports the MAC and the MTU", () => {
    const result = add(everything);
    expect(link()).toEqual({ address: MAC, mtu: 1300, txqlen: 500, promisc: true, allmulti: true });
    const tuned = { name: "eth0", mac: MAC, mtu: 1300, sandbox: netns };
    expect(result).toEqual({ ...prevResult, interfaces: [...prevResult.interfaces.slice(0, 2), tuned] });
  });

  it("lets packets through the moment it returns: neighbours hear of the new MAC", () => {
    for (const address of ["10.88.0.2", "fd00:88::2"]) lab.run(["ping", "-n", "-c1", "-w5", address]);
    add({ mac: MAC });
    for (const address of ["10.88.0.2", "fd00:88::2"]) lab.run(["ping", "-n", "-c1", "-W10", address]);
  });

  it("sets parameters of the kernel in the container, and nowhere else", () => {
    const host = ["ipv4/conf/all/arp_filter", "core/somaxconn"].map((name) => sysctl(name, lab.host));
    add({
      sysctl: {
        "net.core.somaxconn": "500",
        "net.ipv4.conf.IFNAME.arp_filter": "1",
        "net/ipv6/conf/eth0/hop_limit": "33",
        "net.ipv4.ip_local_port_range": "2000 3000",
        "net.ipv4.route.flush": "1",
      },
      args: { cni: { sysctl: { "net.core.somaxconn": "501" } } },
    });
    const names = [
      "core/somaxconn",
      "ipv4/conf/eth0/arp_filter",
      "ipv6/conf/eth0/hop_limit",
      "ipv4/ip_local_port_range",
    ];
    expect(names.map((name) => sysctl(name))).toEqual(["501", "1", "33", "2000\t3000"]);
    expect(["ipv4/conf/all/arp_filter", "core/somaxconn"].map((name) => sysctl(name, lab.host))).toEqual(host);
    expect(backups()).toEqual([]);
  });

  it.each(["0.3.1", "0.4.0", "1.0.0"])("hands prevResult on with the new MAC, %s", (cniVersion) => {
    const { interfaces } = add({ cniVersion, mac: MAC, prevResult: { ...prevResult, cniVersion } });
    expect(interfaces.map(({ mac }: { mac: string }) => mac)).toEqual([
      ...prevResult.interfaces.slice(0, 2).map(({ mac }) => mac),
      MAC,
    ]);
  });

  it("leaves an interface of the host that has the same name as it is in the result", () => {
    const host = { name: "eth0", mac: "02:00:00:00:00:01" };
    const interfaces = [host, { name: "eth0", sandbox: netns }];
    expect(add({ mac: MAC, prevResult: { cniVersion: "1.1.0", interfaces } }).interfaces).toEqual([
      host,
      { name: "eth0", mac: MAC, sandbox: netns },
    ]);
  });

  it("takes the MAC of CNI_ARGS", () => {
    add({}, { args: `IgnoreUnknown=1;MAC=${MAC}` });
    expect(link().address).toBe(MAC);
  });

  it("with an empty configuration hands prevResult on, and touches nothing", () => {
    const trace = path.join(lab.dir, "trace");
    const wrapper = ["strace", "-f", "-o", trace, "-e", "trace=openat,socket,setns,mkdir,unlink,execve"];
    expect(add({}, { wrapper })).toEqual(prevResult);
    const own = fs.readFileSync(trace, "utf8").split("\n");
    expect(own.filter((line) => /socket\(|setns\(|mkdir\(|unlink\(|\/proc\/sys\/net|\/etc\/cni/.test(line))).toEqual(
      [],
    );
    expect(run("DEL", {}, { wrapper })).toMatchObject(quiet);
    expect(fs.readFileSync(trace, "utf8")).not.toMatch(/socket\(|setns\(/);
  });

  it("refuses to be first in a list, and to run where there is no namespace or no interface", () => {
    expect(errorOf(run("ADD", { prevResult: undefined }))).toMatchObject({
      code: 7,
      msg: "Required prevResult missing",
    });
    expect(errorOf(run("ADD", { mtu: 1300 }, { netns: "/run/netns/gone" })).code).toBe(8);
    const refusal = { code: 107, msg: 'Cannot get link "eth9": No such device' };
    const untouched = sysctl("core/somaxconn");
    expect(errorOf(run("ADD", { mtu: 1300, sysctl: { "net.core.somaxconn": "500" } }, { ifname: "eth9" }))).toEqual(
      refusal,
    );
    expect(sysctl("core/somaxconn")).toBe(untouched);
  });
});

describe("tuning ADD that fails", () => {
  it.each([
    ["net.ipv4.nonesuch", "1", "No such file or directory", "the container has no such parameter"],
    ["net.ipv4.conf.eth9.arp_filter", "1", "No such file or directory", "the container has no such parameter"],
    ["net.ipv4.conf", "1", "Is a directory", "it is a folder of parameters"],
    ["net.ipv4.tcp_available_congestion_control", "x", "Permission denied", "the kernel lets nobody set it"],
    ["net.ipv4.conf.IFNAME.arp_filter", "banana", "Invalid argument", "the kernel does not take this value"],
  ])("by %s = %s puts back what it has set", (key, value, found, advice) => {
    const names = ["core/somaxconn", "ipv4/ip_local_reserved_ports"];
    const before = [...names.map((name) => sysctl(name)), link()];
    const wanted = { "net.core.somaxconn": "500", "net.ipv4.ip_local_reserved_ports": "8080", [key]: value };
    const { code, msg, details } = errorOf(run("ADD", { ...everything, sysctl: wanted }));
    const name = key.replaceAll(".", "/").replace("IFNAME", "eth0");
    expect({ code, msg }).toEqual({ code: 107, msg: `Cannot write "${value}" to sysctl ${name}: ${found}` });
    expect(details).toContain(advice);
    expect([...names.map((each) => sysctl(each)), link()]).toEqual(before);
    expect(backups()).toEqual([]);
  });

  it("by what the kernel refuses the interface puts back all the rest", () => {
    const before = [sysctl("core/somaxconn"), link()];
    const sysctls = { "net.core.somaxconn": "500" };
    const { code, msg } = errorOf(run("ADD", { ...everything, mtu: 70_000, sysctl: sysctls }));
    expect({ code, msg }).toEqual({ code: 107, msg: expect.stringMatching(/^Cannot set mac .* on link "eth0": /) });
    expect([sysctl("core/somaxconn"), link()]).toEqual(before);
    expect(backups()).toEqual([]);
  });

  it("by an mtu with which the interface would lose its IPv6 address touches nothing", () => {
    const before = [sysctl("core/somaxconn"), link()];
    const outcome = run("ADD", { mtu: 1279, sysctl: { "net.core.somaxconn": "500" } });
    expect(errorOf(outcome)).toEqual({
      code: 7,
      msg: "Cannot use mtu 1279 with address fd00:88::2/64: IPv6 needs at least 1280",
    });
    expect([sysctl("core/somaxconn"), link()]).toEqual(before);
    lab.run(["ping", "-c1", "-W1", "fd00:88::2"]);
    add({ mtu: 1280 });
    lab.run(["ping", "-c1", "-W1", "fd00:88::2"]);
  });

  it("by a dataDir that is none leaves everything as it was", () => {
    const before = [sysctl("core/somaxconn"), link()];
    fs.writeFileSync(dataDir, "");
    expect(errorOf(run("ADD", { ...everything, sysctl: { "net.core.somaxconn": "500" } })).code).toBe(107);
    expect([sysctl("core/somaxconn"), link()]).toEqual(before);
  });

  it.each([
    "net.ipv4.ip_forward/../../../kernel/hostname",
    "net.//.//.kernel.hostname",
    "kernel.hostname",
    "../../etc/passwd",
  ])("by the name %j touches nothing", (key) => {
    const hostname = fs.readFileSync("/proc/sys/kernel/hostname", "utf8");
    expect(errorOf(run("ADD", { sysctl: { "net.core.somaxconn": "500", [key]: "evil" } })).code).toBe(7);
    expect(sysctl("core/somaxconn")).not.toBe("500");
    expect(fs.readFileSync("/proc/sys/kernel/hostname", "utf8")).toBe(hostname);
  });

  it("by a parameter that is there twice touches nothing", () => {
    const text = JSON.stringify(config({ sysctl: { first: "", second: "" } }));
    const twice = text.replace("first", "net.core.somaxconn").replace("second", "net.core.somaxconn");
    const outcome = lab.plugin("tuning", { command: "ADD", config: twice, netns });
    expect(errorOf(outcome)).toEqual({ code: 7, msg: 'Cannot use sysctl "net.core.somaxconn": it is duplicated' });
  });
});

describe("tuning with /etc/cni/tuning/allowlist.conf", () => {
  /** Gives the plugin an /etc of its own that has the list. */
  const withList = (...lines: string[]) => ({
    wrapper: [
      ...["unshare", "--mount", "sh", "-ec"],
      'cache=$(mktemp); cp /etc/ld.so.cache $cache; mount -t tmpfs none /etc; mv $cache /etc/ld.so.cache; mkdir -p /etc/cni/tuning; echo "$0" > /etc/cni/tuning/allowlist.conf; exec "$@"',
      lines.join("\n"),
    ],
  });
  const wanted = { sysctl: { "net.core.somaxconn": "500", "net.ipv4.conf.IFNAME.arp_filter": "1" } };

  it("ADD sets what the list allows", () => {
    add(wanted, withList("^net\\.core\\.", "", "  ^net.ipv4.conf.IFNAME.[a-z_]*$  "));
    expect(sysctl("core/somaxconn")).toBe("500");
  });

  it.each([
    ["^net\\.core\\.somaxconn$", "net.ipv4.conf.IFNAME.arp_filter", "^net\\.core\\.somaxconn$"],
    ["", "net.core.somaxconn", "none"],
  ])("ADD refuses what the list %j does not allow", (line, key, allowed) => {
    expect(errorOf(run("ADD", wanted, withList(line)))).toEqual({
      code: 7,
      msg: `Sysctl "${key}" is not allowed`,
      details: `/etc/cni/tuning/allowlist.conf allows ${allowed}`,
    });
    expect(sysctl("core/somaxconn")).not.toBe("500");
  });

  it.each(["net.core.(", "[[:alpha:]]", "\\Anet"])("ADD refuses the line %j, which is no expression here", (line) => {
    expect(errorOf(run("ADD", wanted, withList(line)))).toMatchObject({
      code: 7,
      msg: `Cannot use line ${JSON.stringify(line)} of /etc/cni/tuning/allowlist.conf: must be a regular expression`,
    });
  });

  it("STATUS says what ADD would refuse", () => {
    const more = { containerId: "", ifname: "", ...withList("^net\\.core\\.") };
    expect(errorOf(run("STATUS", wanted, more))).toEqual({
      code: 50,
      msg: 'Sysctl "net.ipv4.conf.IFNAME.arp_filter" is not allowed: /etc/cni/tuning/allowlist.conf allows ^net\\.core\\.',
    });
    expect(run("STATUS", { sysctl: { "net.core.somaxconn": "500" } }, more)).toMatchObject(quiet);
  });
});

describe("tuning DEL", () => {
  it("puts back what ADD found, whatever the configuration says by now, and does so twice", () => {
    const before = link();
    add(everything);
    expect(backups()).toEqual(["c1_eth0.json"]);
    for (let i = 0; i < 2; i++) {
      expect(run("DEL", { mtu: "broken", sysctl: 5, prevResult: undefined })).toMatchObject(quiet);
      expect(link()).toEqual(before);
      expect(backups()).toEqual([]);
    }
  });

  it("leaves alone what ADD was not asked for", () => {
    add({ mtu: 1300 });
    lab.run(["ip", "link", "set", "eth0", "txqueuelen", "77", "promisc", "on"], netns);
    run("DEL");
    expect(link()).toMatchObject({ mtu: 1500, txqlen: 77, promisc: true });
  });

  it.each(["", "/run/netns/gone"])("forgets a container whose namespace is gone, with the path %j", (path) => {
    add(everything);
    lab.deleteNamespace(netns);
    expect(run("DEL", {}, { netns: path })).toMatchObject(quiet);
    expect(backups()).toEqual([]);
  });

  it("forgets an interface that is gone", () => {
    add(everything);
    lab.run(["ip", "link", "del", "eth0"], netns);
    expect(run("DEL")).toMatchObject(quiet);
    expect(backups()).toEqual([]);
  });

  it("leaves another container's interface alone where the Go plugin's file does not name the namespace", () => {
    const change = (...words: readonly string[]) => lab.run(["ip", "link", "set", "eth0", ...words], netns);
    fs.mkdirSync(dataDir);
    lab.run(["ip", "link", "del", "eth0"], netns);
    lab.run(["ip", "link", "add", "eth0", "txqueuelen", "1000", "type", "ifb"], netns);
    change("alias", ownerComment({ network: "net1", ifname: "eth0", containerId: "two" }));
    fs.writeFileSync(path.join(dataDir, "c1_eth0.json"), '{"txQLen": 77}');
    expect(run("DEL")).toMatchObject(quiet);
    change("alias", "");
    fs.writeFileSync(path.join(dataDir, "c1_eth0.json"), '{"txQLen": 77}');
    const interfaces = [{ name: "eth0", sandbox: netns, mac: "02:00:00:00:00:77" }];
    expect(run("DEL", { prevResult: { cniVersion: "1.1.0", interfaces } })).toMatchObject(quiet);
    expect(link().txqlen).toBe(1000);
    expect(backups()).toEqual([]);
  });

  it("says what it cannot put back, does the rest, and ends", () => {
    add({ mac: MAC, txQLen: 500 });
    const file = path.join(dataDir, "c1_eth0.json");
    fs.writeFileSync(file, '{"mtu": 70000, "txQLen": 1000}');
    const { status, stdout, stderr } = run("DEL");
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(stderr).toMatch(/^Cannot restore "eth0" of container c1: Cannot set mtu 70000 on link "eth0": /);
    expect(link().txqlen).toBe(1000);
    expect(backups()).toEqual([]);
  });

  it("ends where the container put a link in the interface's place that refuses its MTU", () => {
    add({ mtu: 1400, txQLen: 500 });
    const { ifindex } = Object(lab.ip("link show dev eth0", netns)[0]);
    const inside = (args: string) => lab.run(["ip", ...args.split(" ")], netns);
    inside("link del eth0");
    inside("link add name low0 mtu 1300 type veth peer name low1");
    inside(`link add name eth0 link low0 index ${ifindex} type macvlan`);
    expect(run("DEL")).toMatchObject({ status: 0, stdout: "" });
    expect(link()).toMatchObject({ mtu: 1300, txqlen: 1000 });
    expect(backups()).toEqual([]);
  });

  it("forgets what a killed process left half written", () => {
    fs.mkdirSync(dataDir);
    fs.writeFileSync(path.join(dataDir, "c1_eth0.json"), "");
    const { status, stderr } = run("DEL");
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: `Cannot restore from ${dataDir}/c1_eth0.json: unexpected end of JSON input\n`,
    });
    expect(backups()).toEqual([]);
  });
});

describe("tuning CHECK", () => {
  const sysctls = {
    "net.core.somaxconn": "500",
    "net.ipv4.ip_local_port_range": "2000 3000",
    "net.ipv4.route.flush": "1",
  };

  it("is well after ADD, and with nothing configured whatever there is", () => {
    const result = add({ ...everything, sysctl: sysctls });
    expect(run("CHECK", { ...everything, sysctl: sysctls, prevResult: result })).toMatchObject(quiet);
    expect(run("CHECK")).toMatchObject(quiet);
    expect(run("CHECK", { promisc: false, allmulti: true })).toMatchObject(quiet);
  });

  it("names all that differs", () => {
    const missing = { ...sysctls, "net.ipv4.nonesuch": "1" };
    const { code, msg } = errorOf(run("CHECK", { ...everything, sysctl: missing }));
    expect(code).toBe(104);
    const { mac } = prevResult.interfaces.find(({ name }) => name === "eth0") ?? {};
    expect(msg.split("; ")).toEqual([
      `Sysctl net.core.somaxconn is "${sysctl("core/somaxconn")}", expected "500"`,
      'Sysctl net.ipv4.ip_local_port_range is "32768\\t60999", expected "2000 3000"',
      "Cannot read sysctl net/ipv4/nonesuch: No such file or directory",
      `Interface "eth0" has mac ${mac}, expected ${MAC}`,
      'Interface "eth0" has promisc false, expected true',
      'Interface "eth0" has mtu 1500, expected 1300',
      'Interface "eth0" has allmulti false, expected true',
      'Interface "eth0" has txQLen 1000, expected 500',
    ]);
  });

  it("needs the interface, and prevResult", () => {
    expect(errorOf(run("CHECK", { mtu: 1300 }, { ifname: "eth9" })).msg).toBe(
      `Interface "eth9" in ${netns} is missing`,
    );
    expect(errorOf(run("CHECK", { prevResult: undefined })).code).toBe(7);
  });
});

describe("tuning GC", () => {
  const collect = (valid: unknown, name = "net1") =>
    run("GC", { name, "cni.dev/valid-attachments": valid }, { containerId: "", ifname: "" });

  beforeEach(() => {
    add({ mtu: 1300 });
    fs.copyFileSync(path.join(dataDir, "c1_eth0.json"), path.join(dataDir, "c2_eth0.json"));
    fs.writeFileSync(path.join(dataDir, "c3_eth0.json"), '{\n "mtu": 1500\n}');
    fs.writeFileSync(path.join(dataDir, "broken.json"), "{");
  });

  it("removes what is kept for attachments that are no more, of this network alone", () => {
    expect(collect([], "net2")).toMatchObject(quiet);
    expect(collect(undefined)).toMatchObject(quiet);
    expect(backups()).toHaveLength(4);
    expect(collect([{ containerID: "c1", ifname: "eth0" }])).toMatchObject(quiet);
    expect(backups()).toEqual(["broken.json", "c1_eth0.json", "c3_eth0.json"]);
    expect(collect([])).toMatchObject(quiet);
    expect(backups()).toEqual(["broken.json", "c3_eth0.json"]);
  });
});

describe("tuning STATUS and VERSION", () => {
  it("is well, and says that there is no folder to keep anything in", () => {
    const more = { containerId: "", ifname: "" };
    for (const fields of [{}, everything]) expect(run("STATUS", fields, more)).toMatchObject(quiet);
    fs.writeFileSync(dataDir, "");
    expect(run("STATUS", {}, more)).toMatchObject(quiet);
    expect(errorOf(run("STATUS", everything, more))).toEqual({
      code: 50,
      msg: `Cannot use dataDir "${dataDir}": it is no folder: remove it, or set dataDir to another`,
    });
  });

  it("names every version", () => {
    expect(JSON.parse(run("VERSION").stdout).supportedVersions).toHaveLength(7);
  });
});
