import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Caller, jsonOf } from "../caller.ts";
import { binDir, type Outcome } from "../lab.ts";
import { referenceDir } from "../parity/reference.ts";
import { LabFirewalld } from "./firewalld.ts";

interface Finding {
  readonly level: string;
  readonly check: string;
  readonly subject: string;
  readonly message: string;
  readonly cure: string;
}

const BRIDGE = {
  type: "bridge",
  bridge: "cni0",
  isDefaultGateway: true,
  ipMasq: true,
  ipam: { type: "host-local", ranges: [[{ subnet: "10.88.0.0/16" }], [{ subnet: "fd00:88::/64" }]] },
};

let caller: Caller;
let folder: string;

beforeEach(() => {
  caller = new Caller();
  folder = path.join(caller.lab.dir, "net.d");
  fs.mkdirSync(folder);
  installContainerd("2.1.0");
});
afterEach(() => caller.dispose());

function writeList(name: string, plugins: readonly object[]): void {
  const list = { cniVersion: "1.1.0", name, plugins };
  fs.writeFileSync(path.join(folder, `${name}.conflist`), JSON.stringify(list));
}

/** A containerd that only says its version, before that of the machine. */
function installContainerd(version: string): void {
  fs.writeFileSync(path.join(caller.lab.dir, "containerd"), `#!/bin/sh\necho containerd x v${version} abc\n`, {
    mode: 0o755,
  });
}

function run(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Outcome {
  const searched = `${caller.lab.dir}:${process.env["PATH"] ?? ""}`;
  return caller.cnictl(["doctor", ...args], { NETCONFPATH: folder, PATH: searched, ...variables });
}

/** What is not as it should be. The exit code must say whether there is an error among it. */
function examine(variables: Readonly<Record<string, string>> = {}): readonly Finding[] {
  const outcome = run(["--json"], variables);
  const findings: readonly Finding[] = JSON.parse(outcome.stdout);
  expect(outcome).toMatchObject({ status: findings.some(({ level }) => level === "error") ? 1 : 0, stderr: "" });
  return findings;
}

function subjects(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ level, check, subject }) => `${level} ${check} ${subject}`);
}

/** Types what a finding says, after "or: " or the last colon if it begins with words. */
function cure({ cure: text }: Finding): void {
  caller.lab.run(["sh", "-ec", text.replace(/^.* or: |^.*: (?=nft |kill )/, "")]);
}

function attach(name: string): string {
  const netns = caller.lab.addNamespace(`${name}-c1`);
  jsonOf(caller.cnictl(["add", name, netns], { NETCONFPATH: folder }));
  return netns;
}

describe("on a host without trouble", () => {
  beforeEach(() => {
    // Some machines have it on in each new namespace.
    caller.lab.try(["sysctl", "-w", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"]);
  });

  test("it finds nothing, before and after a container is attached", () => {
    writeList("one", [
      BRIDGE,
      { type: "portmap" },
      { type: "firewall" },
      { type: "bandwidth", egressRate: 8000, egressBurst: 8000 },
    ]);
    expect(examine()).toEqual([]);
    expect(run([])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^no findings \(\d+ checks\)\n$/),
      stderr: "",
    });
    attach("one");
    expect(examine()).toEqual([]);
  });

  test("--verbose shows what was looked at", () => {
    writeList("one", [BRIDGE]);
    const checks = run(["--verbose"])
      .stdout.split("\n")
      .slice(1, -1)
      .map((line) => line.split(/ +/));
    expect(new Set(checks.map(([level]) => level))).toEqual(new Set(["ok"]));
    expect([...new Set(checks.map(([, check]) => check))]).toEqual(
      expect.arrayContaining(["list", "kernel", "executable", "image", "status", "firewall", "clash"]),
    );
  });

  test("it changes nothing", () => {
    writeList("one", [BRIDGE, { type: "portmap" }, { type: "firewall" }]);
    attach("one");
    const picture = () => [
      caller.lab.run(["nft", "list", "ruleset"]),
      caller.lab.run(["ip", "-d", "link"]).replaceAll(/\w+_timer +[0-9.]+/g, ""),
      caller.lab
        .run(["sh", "-c", "ip -4 address; ip -4 route show table all; cat /proc/net/ip_tables_names"])
        .replaceAll(/\d+sec/g, ""),
      caller.files("networks/one"),
      caller.files("results"),
    ];
    const before = picture();
    run([]);
    expect(picture()).toEqual(before);
  });
});

test("without lists it says so, and a broken one does not stop the rest", () => {
  expect(subjects(examine())).toEqual([`warning list ${folder}`]);
  fs.writeFileSync(path.join(folder, "05-broken.conflist"), '{\n  "name": nonsense\n}');
  writeList("one", [BRIDGE]);
  const [broken, ...others] = examine().filter(({ check }) => check !== "sysctl");
  expect(broken).toMatchObject({ level: "error", check: "list", subject: path.join(folder, "05-broken.conflist") });
  expect(broken?.message).toContain("line 2, column ");
  expect(others).toEqual([]);
});

test("lists that containerd 1 refuses for their version are one warning", () => {
  writeList("one", [BRIDGE]);
  writeList("two", [{ ...BRIDGE, bridge: "cni1", ipam: { type: "host-local", subnet: "10.89.0.0/24" } }]);
  installContainerd("1.7.24");
  expect(subjects(examine())).toEqual(["warning list containerd"]);
});

test("a list, or a folder, that others than root may write is a warning, and its cure helps", () => {
  writeList("one", [BRIDGE]);
  const file = path.join(folder, "one.conflist");
  fs.chownSync(file, 1000, 0);
  fs.chmodSync(file, 0o664);
  fs.chmodSync(folder, 0o777);
  const found = examine();
  expect(subjects(found)).toEqual([`warning list ${folder}`, `warning list ${file}`]);
  expect(found.map(({ message }) => message)).toEqual([
    "it may be written by its group or others: root would run what they write",
    "it belongs to user 1000 and may be written by its group or others: root would run what they write",
  ]);
  found.forEach(cure);
  expect(examine()).toEqual([]);
});

test("what validate calls an error is one, with its place, and its warnings are not repeated", () => {
  writeList("one", [
    { ...BRIDGE, isGatway: true, frobnicate: 1, ipam: { ...BRIDGE.ipam, rotues: [] } },
    { type: "portmap", capabilities: { portmappings: true } },
  ]);
  const found = examine();
  const file = path.join(folder, "one.conflist");
  const finding = { level: "error", check: "list", subject: file, cure: `cnictl validate ${file}` };
  expect(found).toMatchObject([finding, finding, finding]);
  expect(found[0]?.message).toMatch(
    /^line 1, column \d+: plugins\[0\]\.isGatway: unknown key "isGatway"; did you mean "isGateway"\?$/,
  );
  expect(found[1]?.message).toContain('did you mean "routes"?');
  expect(found[2]?.message).toContain('portmap takes no such capability; did you mean "portMappings"?');
});

test("what was turned off after the first container is found, and its cure helps", () => {
  writeList("one", [BRIDGE]);
  attach("one");
  const settings = [
    "net.ipv4.ip_forward=0",
    "net.ipv6.conf.all.forwarding=0",
    "net.ipv6.conf.cni0.disable_ipv6=1",
    "net.ipv4.conf.cni0.rp_filter=1",
  ];
  caller.lab.run(["sysctl", "-qw", ...settings]);
  const found = examine();
  expect(subjects(found)).toEqual([
    "error sysctl net.ipv4.ip_forward",
    "error sysctl net.ipv6.conf.all.forwarding",
    "note sysctl net.ipv4.conf.cni0.rp_filter",
    "error sysctl net.ipv6.conf.cni0.disable_ipv6",
    "error attachment one",
  ]);
  found.filter(({ check }) => check === "sysctl").forEach(cure);
  // The kernel has deleted the gateway's IPv6 address.
  expect(subjects(examine())).toEqual(["error attachment one"]);
  expect(caller.cnictl(["reapply", "one"], { NETCONFPATH: folder }).status).toBe(0);
  expect(subjects(examine())).toEqual([]);
});

test("a FORWARD that drops is found for both families and variants, and its cure lets packets through", () => {
  writeList("one", [BRIDGE]);
  for (const tool of ["iptables-legacy", "ip6tables-legacy"]) caller.lab.run([tool, "-P", "FORWARD", "DROP"]);
  for (const tool of ["iptables-nft", "ip6tables-nft"]) caller.lab.run([tool, "-A", "FORWARD", "-j", "DROP"]);
  const forward = () => subjects(examine()).filter((line) => line.includes(" forward "));
  expect(forward()).toEqual([
    "warning forward iptables-nft",
    "warning forward iptables-legacy",
    "warning forward ip6tables-nft",
    "warning forward ip6tables-legacy",
  ]);
  writeList("one", [BRIDGE, { type: "firewall" }]);
  expect(forward()).toEqual([]);
});

test("rules of iptables-legacy and iptables-nft at once are a warning", () => {
  writeList("one", [BRIDGE]);
  const both = () => subjects(examine()).filter((line) => line.includes(" firewall "));
  caller.lab.run(["iptables-legacy", "-A", "FORWARD", "-j", "ACCEPT"]);
  expect(both()).toEqual([]);
  caller.lab.run(["iptables-nft", "-A", "FORWARD", "-j", "ACCEPT"]);
  expect(both()).toEqual(["warning firewall iptables"]);
});

test("a chain of nftables that drops is found, and its cure connects a container with the outside", () => {
  writeList("one", [BRIDGE, { type: "firewall" }]);
  const netns = attach("one");
  const outside = caller.lab.addNamespace("outside");
  caller.lab.run(["ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", path.basename(outside)]);
  caller.lab.run(["sh", "-ec", "ip address add 203.0.113.1/24 dev up0; ip link set up0 up"]);
  caller.lab.run(["sh", "-ec", "ip address add 203.0.113.2/24 dev eth0; ip link set eth0 up"], outside);
  const reaches = () => caller.lab.try(["ping", "-c1", "-W5", "-q", "203.0.113.2"], netns).status === 0;
  expect(reaches()).toBe(true);
  caller.lab.run([
    "nft",
    "add table inet guard; add chain inet guard pass { type filter hook forward priority 0; policy drop; }",
  ]);
  const found = examine().filter(({ check }) => check === "forward");
  expect(subjects(found)).toEqual(["error forward inet guard pass"]);
  expect(caller.lab.try(["ping", "-c1", "-W1", "-q", "203.0.113.2"], netns).status).toBe(1);
  found.forEach(cure);
  expect(reaches()).toBe(true);
  expect(examine().filter(({ check }) => check === "forward")).toEqual([]);
});

test.each([
  ["that accepts answers", "ct state established,related accept; iifname eth0 accept;", ["error iifname cni0"]],
  [
    "with a map and a set",
    "ct state vmap { established : accept, invalid : drop }; iifname { cni0, eth9 } accept;",
    [],
  ],
  ["that jumps", "ct state { established, related } accept; jump side;", []],
  ["for one protocol", "ct state established accept; iif cni0 tcp dport 80 accept;", ["warning iifname cni0"]],
])("of a chain of nftables %s the rules are read, and the cure has what is missing", (_, rules, expected) => {
  writeList("one", [BRIDGE]);
  attach("one");
  caller.lab.run([
    "nft",
    `table inet guard { chain side { iifname "cni*" counter accept; }; chain pass { type filter hook forward priority 10; policy drop; ${rules} }; }`,
  ]);
  const forward = () => examine().filter(({ check }) => check === "forward");
  const found = forward();
  expect(found.map(({ level, cure: text }) => `${level} ${text.replace(/^.*guard pass (.*) accept$/, "$1")}`)).toEqual(
    expected,
  );
  found.forEach(cure);
  expect(forward()).toEqual([]);
});

test("a chain that drops what one bridge passes on is found beside bridge-nf-call-iptables, and its cure connects the containers", () => {
  writeList("one", [BRIDGE]);
  const netns = attach("one");
  const other = caller.lab.addNamespace("other");
  jsonOf(caller.cnictl(["add", "one", other], { NETCONFPATH: folder }));
  caller.lab.run(["sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1", "net.bridge.bridge-nf-call-ip6tables=0"]);
  const reaches = () => caller.lab.try(["ping", "-c1", "-W1", "-q", "10.88.0.3"], netns).status === 0;
  const bridged = () => examine().filter(({ subject }) => subject.startsWith("net.bridge."));
  expect([reaches(), bridged()]).toEqual([true, []]);
  caller.lab.run(["nft", "table inet guard { chain pass { type filter hook forward priority 10; policy drop; }; }"]);
  const [found, ...others] = bridged();
  expect(others).toEqual([]);
  expect(found).toMatchObject({ level: "error", subject: "net.bridge.bridge-nf-call-iptables" });
  expect(reaches()).toBe(false);
  caller.lab.run(["sh", "-ec", found?.cure.replace(/^.*?: (nft .*), or: .*$/, "$1") ?? "false"]);
  expect([reaches(), bridged()]).toEqual([true, []]);
});

test("a container with another one's address is found, and the cure takes it from that one", () => {
  writeList("one", [BRIDGE]);
  attach("one");
  const other = caller.lab.addNamespace("other");
  jsonOf(caller.cnictl(["add", "one", other], { NETCONFPATH: folder }));
  const clashes = () => examine().filter(({ check }) => check === "clash");
  expect(clashes()).toEqual([]);
  caller.lab.run(["ip", "address", "add", "10.88.0.2/16", "dev", "eth0"], other);
  const [found, ...others] = clashes();
  expect(others).toEqual([]);
  expect(found).toMatchObject({
    level: "error",
    subject: "one",
    cure: `ip -n ${path.basename(other)} address delete 10.88.0.2/16 dev eth0`,
  });
  expect(found?.message).toMatch(
    /^10\.88\.0\.2 of one cnitool-\w+ eth0 \(netns \S+one-c1\) is also on interface eth0 of cnitool-\w+ \(netns \S+other\)$/,
  );
  clashes().forEach(cure);
  expect(examine()).toEqual([]);
});

test("two networks with different gateways for one bridge are found, and STATUS has the same cure", () => {
  writeList("one", [BRIDGE]);
  attach("one");
  const second = { ...BRIDGE, ipam: { type: "host-local", subnet: "10.89.0.0/24" } };
  writeList("two", [second]);
  const found = examine();
  expect(subjects(found)).toEqual(["error status two", "error clash two"]);
  expect(new Set(found.map((each) => each.cure))).toEqual(new Set(['set "bridge" to another name in two.conflist']));
  writeList("two", [{ ...second, bridge: "cni1" }]);
  expect(examine()).toEqual([]);
});

test("who keeps host-local's locks is found within seconds, also as a child of who took them, and the cure helps", async () => {
  writeList("one", [BRIDGE]);
  attach("one");
  const locks = () => examine().filter(({ check }) => check === "lock");
  expect(locks()).toEqual([]);
  // The process that takes the lock ends, and leaves it to a child.
  const hold = (file: string) =>
    caller.lab.run(["sh", "-ec", `exec 9<"$0"; flock 9; setsid sleep 600 >/dev/null 2>&1 & echo $!`, file]).trim();
  for (const [place, level, effect] of [
    ["lock", "error", "each ADD waits up to 20 s"],
    [".state/attachments", "warning", "each ADD waits 2 s"],
  ] as const) {
    const file = path.join(caller.lab.dir, "state/networks/one", place);
    if (place === "lock") fs.writeFileSync(file, "");
    const pid = hold(file);
    const begin = performance.now();
    const found = examine();
    expect(performance.now() - begin).toBeLessThan(5_000);
    expect(subjects(found)).toEqual([`${level} lock one`, "warning attachment one"]);
    expect(found[0]).toMatchObject({
      message: `/var/lib/cni/networks/one/${place} is held by PID ${pid} (sleep): ${effect}`,
      cure: `end process ${pid} if it is not a CNI call: kill ${pid}`,
    });
    found.slice(0, 1).forEach(cure);
    await expect.poll(locks, { timeout: 10_000 }).toEqual([]);
  }
});

test("addresses and routes of the host in a network's subnet, and two networks with one, are found", () => {
  writeList("one", [BRIDGE]);
  writeList("two", [{ type: "bridge", bridge: "cni1", ipam: { type: "host-local", subnet: "10.88.3.0/24" } }]);
  caller.lab.run(["sh", "-ec", "ip link add up0 type bridge; ip link set up0 up; ip address add 10.88.7.1/24 dev up0"]);
  caller.lab.run(["ip", "route", "add", "10.0.0.0/8", "dev", "up0"]);
  expect(subjects(examine()).filter((line) => line.includes(" clash "))).toEqual([
    "error clash one",
    "error clash one",
    "warning clash one",
    "note clash one",
    "note clash two",
  ]);
});

test("what the Go plugins made is no clash, and after going back to them the cures remove what is left", () => {
  writeList("one", [{ type: "ptp", ipMasq: true, ipam: { type: "host-local", subnet: "10.77.0.0/24" } }]);
  const go = { CNI_PATH: referenceDir() };
  const made = caller.lab.addNamespace("go");
  jsonOf(caller.cnictl(["add", "one", made], { NETCONFPATH: folder, ...go }));
  expect(examine().filter(({ check }) => check === "clash")).toEqual([]);
  const netns = attach("one");
  caller.lab.deleteNamespace(netns);
  const left = () => examine(go).filter(({ level, check }) => check === "leftover" && level === "warning");
  const [found, ...others] = left();
  expect(others).toEqual([]);
  expect(found?.cure).toBe("cnictl gc one; cnictl clean");
  expect(caller.cnictl(["gc", "one"], { NETCONFPATH: folder, ...go }).status).toBe(0);
  expect(left()).toMatchObject([{ subject: "one", cure: "cnictl clean" }]);
  expect(caller.cnictl(["clean"], { NETCONFPATH: folder, ...go }).status).toBe(0);
  expect(left()).toEqual([]);
});

test("what a container that is gone has left is found, and its cure removes it", () => {
  writeList("one", [
    { ...BRIDGE, macspoofchk: true },
    { type: "portmap" },
    { type: "bandwidth", egressRate: 8000, egressBurst: 8000 },
  ]);
  const netns = attach("one");
  jsonOf(caller.cnictl(["add", "one", caller.lab.addNamespace("other")], { NETCONFPATH: folder }));
  const left = () => examine().filter(({ check }) => check === "leftover");
  expect(left()).toEqual([]);
  caller.lab.deleteNamespace(netns);
  const [found, ...others] = left();
  expect(others).toEqual([]);
  expect(found).toMatchObject({ level: "warning", subject: "one", cure: "cnictl gc one" });
  expect(found?.message).toMatch(
    /^left by cnitool-\w+ eth0 \(namespace gone\): 1 result, 2 leases, 1 link, [0-9]+ elements$/,
  );
  expect(caller.cnictl(["gc", "one"], { NETCONFPATH: folder }).status).toBe(0);
  expect(left()).toEqual([]);
});

test("what was taken from a container that lives is found, and `cnictl reapply` brings it back", () => {
  writeList("one", [BRIDGE, { type: "firewall" }]);
  attach("one");
  const netns = caller.lab.addNamespace("gone");
  jsonOf(caller.cnictl(["add", "one", netns], { NETCONFPATH: folder }));
  caller.lab.deleteNamespace(netns);
  const attachments = () => examine().filter(({ check }) => check === "attachment");
  expect(attachments()).toEqual([]);
  caller.lab.run(["nft", "flush", "ruleset"]);
  const [found, ...others] = attachments();
  expect(others).toEqual([]);
  expect(found).toMatchObject({ level: "error", subject: "one", cure: "cnictl reapply one" });
  expect(found?.message).toMatch(
    /^1 of 1 attachments are not as ADD made them: cnitool-\w+ eth0 \(netns \S+one-c1\): .*is not masqueraded/,
  );
  expect(caller.cnictl(["reapply", "one"], { NETCONFPATH: folder }).status).toBe(0);
  expect(attachments()).toEqual([]);
});

test.each([
  [
    "a rule that leads to another table",
    "ip rule add lookup 77 priority 100; ip route add default via 203.0.113.1 table 77",
    "error attachment one",
    "of table 77, to which",
  ],
  [
    "a rule against what containers send",
    "ip rule add from 10.88.0.0/16 priority 100 prohibit",
    "warning route one",
    "of type prohibit",
  ],
  ["a default route that is gone", "ip route del default", "note route one", "no gateway in its networks"],
  ["an uplink that is down", "ip link set uplink down", "note route one", 'link "uplink" is down'],
])("%s is found, and named", (_, event, subject, text) => {
  const uplink = "ip link add uplink type bridge; ip address add 203.0.113.2/24 dev uplink; ip link set uplink up";
  caller.lab.run(["sh", "-ec", `${uplink}; ip route add default via 203.0.113.1`]);
  writeList("one", [BRIDGE]);
  attach("one");
  const before = subjects(examine());
  caller.lab.run(["sh", "-ec", event]);
  const found = examine().filter((each) => !before.includes(subjects([each])[0] ?? ""));
  expect(subjects(found)).toEqual([subject]);
  expect(found[0]?.message).toContain(text);
});

test("a port that somebody took down is found, and its cure brings it up", () => {
  writeList("one", [BRIDGE]);
  attach("one");
  const [port = ""] = caller.lab.ip("link show master cni0").map((link) => String(Object(link).ifname));
  caller.lab.run(["ip", "link", "set", port, "down"]);
  const [found, ...others] = examine();
  expect([found?.message, others]).toEqual([expect.stringContaining(`Port "${port}" is down, expected up`), []]);
  if (found === undefined) return;
  expect(found.cure).toBe("cnictl reapply one");
  caller.cnictl(["reapply", "one"], { NETCONFPATH: folder });
  expect(examine()).toEqual([]);
});

test("a list that was changed since ADD is no difference", () => {
  writeList("one", [BRIDGE]);
  attach("one");
  writeList("one", [BRIDGE, { type: "firewall" }]);
  expect(examine()).toEqual([]);
});

test("a pool that is nearly full is a warning, a full one an error", () => {
  const ipam = { type: "host-local", ranges: [[{ subnet: "10.88.0.0/29" }]] };
  writeList("one", [{ ...BRIDGE, ipam }]);
  const pools = () => subjects(examine()).filter((line) => line.includes(" pool "));
  for (const [count, expected] of [
    [3, []],
    [4, ["warning pool one"]],
    [5, ["error pool one"]],
  ] as const) {
    while (caller.files("results").length < count) {
      const netns = caller.lab.addNamespace(`c${caller.files("results").length}`);
      jsonOf(caller.cnictl(["add", "one", netns], { NETCONFPATH: folder }));
    }
    expect(pools()).toEqual(expected);
  }
});

describe("executables", () => {
  let bin: string;

  beforeEach(() => {
    bin = path.join(caller.lab.dir, "bin");
    jsonOf({ ...caller.cnictl(["install", "--dir", bin]), stdout: "{}" });
    writeList("one", [BRIDGE, { type: "portmap" }]);
  });

  const examined = () =>
    examine({ CNI_PATH: bin }).filter(({ check }) => ["executable", "image", "status"].includes(check));

  test("of one installation are as they should be", () => {
    expect(examined()).toEqual([]);
  });

  test("of the Go plugins among ours are a note, and the cure replaces them", () => {
    fs.rmSync(path.join(bin, "portmap"));
    fs.copyFileSync(path.join(referenceDir(), "portmap"), path.join(bin, "portmap"));
    const found = examined();
    expect(found).toMatchObject([
      { level: "note", check: "image", subject: bin, message: expect.stringContaining("portmap") },
    ]);
    caller.lab.run(["sh", "-ec", found[0]?.cure.replace("cnictl", path.join(binDir, "cnictl")) ?? "false"]);
    expect(examined()).toEqual([]);
  });

  test("that a Go plugin was copied over are an error, and the cure replaces them", () => {
    const portmap = fs.readFileSync(path.join(referenceDir(), "portmap"));
    fs.writeFileSync(path.join(bin, "bridge"), portmap);
    const found = examined().filter(({ check }) => check === "image");
    expect(found).toMatchObject([{ level: "error", subject: bin }]);
    expect(found[0]?.message).toContain("all names there are one file, which is portmap");
    caller.lab.run(["sh", "-ec", found[0]?.cure.replace("cnictl", path.join(binDir, "cnictl")) ?? "false"]);
    expect(examined()).toEqual([]);
  });

  test("that are copies, missing, or may not be executed are found, and the cures help", () => {
    fs.rmSync(path.join(bin, "portmap"));
    expect(subjects(examined())).toEqual(["error executable portmap", `error image ${bin}`, "warning status one"]);
    fs.copyFileSync(path.join(binDir, "portmap"), path.join(bin, "portmap"));
    fs.chmodSync(path.join(bin, "portmap"), 0o644);
    const found = examined();
    expect(subjects(found)).toEqual(["error executable portmap", `note image ${bin}`, "warning status one"]);
    caller.lab.run(["sh", "-ec", found[0]?.cure ?? "false"]);
    expect(subjects(examined())).toEqual([`note image ${bin}`]);
  });

  test("that hang are found within seconds, and the other checks still run", () => {
    fs.writeFileSync(path.join(bin, "slow"), "#!/bin/sh\nexec sleep 600\n", { mode: 0o755 });
    fs.writeFileSync(
      path.join(bin, "dull"),
      '#!/bin/sh\n[ "$CNI_COMMAND" = VERSION ] || exec sleep 600\necho \'{"supportedVersions":["1.1.0"]}\'\n',
      { mode: 0o755 },
    );
    writeList("slow", [{ type: "slow" }]);
    writeList("dull", [{ type: "dull" }]);
    const begin = performance.now();
    const found = examined();
    expect(performance.now() - begin).toBeLessThan(60_000);
    expect(subjects(found)).toEqual(["error executable slow", "error status dull", "warning status slow"]);
    expect(caller.lab.processes()).toEqual([]);
  });
});

test("a user without rights is told what cannot be told, and the rest", () => {
  writeList("one", [BRIDGE, { type: "firewall" }]);
  fs.chmodSync(caller.lab.dir, 0o755);
  const call = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    path.join(binDir, "cnictl"),
    "doctor",
    "--json",
  ];
  const { stdout, stderr } = caller.run(call, { NETCONFPATH: folder });
  const findings: readonly Finding[] = JSON.parse(stdout);
  expect(stderr).toBe("");
  expect(findings.filter(({ message }) => message.startsWith("cannot tell: ")).map(({ check }) => check)).toEqual(
    expect.arrayContaining(["firewall", "forward"]),
  );
  expect(findings.filter(({ message }) => message.includes("not permitted")).map((each) => each.cure)).toContain(
    "run it as root",
  );
});

test("firewalld without the list's zone is an error, and a list without firewall a warning", async () => {
  writeList("one", [BRIDGE, { type: "firewall", firewalldZone: "containers" }]);
  writeList("two", [{ type: "bridge", bridge: "cni1" }]);
  const firewalld = await LabFirewalld.start(caller.lab);
  try {
    const firewall = () => examine(firewalld.environment).filter(({ check }) => check === "firewall");
    expect(subjects(firewall())).toEqual(["error firewall firewalld", "warning firewall firewalld"]);
    expect(firewall()[0]?.cure).toContain("--new-zone=containers");
    firewalld.command("--permanent", "--new-zone=containers");
    firewalld.command("--reload");
    expect(subjects(firewall())).toEqual(["warning firewall firewalld"]);
  } finally {
    await firewalld.stop();
  }
});

test("leases that nobody renews are a note until a daemon listens, which the examination does not start", async () => {
  const socket = path.join(caller.lab.dir, "dhcp.sock");
  writeList("one", [{ type: "bridge", bridge: "cni0", ipam: { type: "dhcp", daemonSocketPath: socket } }]);
  const renewal = () => subjects(examine().filter(({ check }) => check === "renewal"));
  expect(renewal()).toEqual([`note renewal ${socket}`]);
  const daemon = caller.start([path.join(binDir, "dhcp"), "daemon", "-socketpath", socket]);
  try {
    await expect.poll(() => fs.existsSync(socket), { timeout: 20_000 }).toBe(true);
    expect(renewal()).toEqual([]);
  } finally {
    process.kill(-(daemon.pid ?? 0), "SIGTERM");
    await once(daemon, "exit");
  }
});
