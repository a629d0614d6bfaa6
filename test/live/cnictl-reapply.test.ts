import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Caller, confDir, jsonOf } from "../caller.ts";
import { binDir, type Outcome } from "../lab.ts";
import { referenceDir } from "../parity/reference.ts";
import { LabFirewalld } from "./firewalld.ts";
import { addOutside, OUTSIDE } from "./masquerading.ts";

const BRIDGE = {
  type: "bridge",
  bridge: "cni0",
  isDefaultGateway: true,
  ipMasq: true,
  macspoofchk: true,
  ipam: { type: "host-local", ranges: [[{ subnet: "10.88.0.0/16" }], [{ subnet: "fd00:88::/64" }]] },
};
const PORTMAP = { type: "portmap", capabilities: { portMappings: true } };
const PORTS = JSON.stringify({ portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] });

/** Sends back what it gets, and says so when it listens. */
const ECHO = `
  require("net").createServer((socket) => socket.on("error", () => {}).pipe(socket)).listen(80, "::", () => console.log("up"));
`;

/** Connects, and passes lines on in both ways. */
const TALK = `
  const socket = require("net").connect(8080, "203.0.113.1", () => console.log("up"));
  socket.on("error", (error) => { console.log(error.message); process.exit(); });
  process.stdin.pipe(socket); socket.pipe(process.stdout);
`;

const unitDir = path.join(confDir, "systemd");

let caller: Caller;
let folder: string;
let environment: Readonly<Record<string, string>>;
const children: ChildProcess[] = [];

beforeEach(() => {
  caller = new Caller();
  addOutside(caller.lab);
  folder = path.join(caller.lab.dir, "net.d");
  fs.mkdirSync(folder);
  environment = { NETCONFPATH: folder };
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  caller.dispose();
});

function writeList(plugins: readonly object[], name = "one"): void {
  const list = { cniVersion: "1.1.0", name, plugins };
  fs.writeFileSync(path.join(folder, `${name}.conflist`), JSON.stringify(list));
}

function attach(name = "c1", network = "one", variables: Readonly<Record<string, string>> = {}): string {
  const netns = caller.lab.addNamespace(name);
  jsonOf(caller.cnictl(["add", network, netns], { ...environment, CAP_ARGS: PORTS, ...variables }));
  return netns;
}

function check(netns: string): Outcome {
  return caller.cnictl(["check", "one", netns], environment);
}

/** Reapplies, and returns what was rebuilt. */
function reapply(args: readonly string[] = []): readonly string[] {
  const outcomes: readonly { rebuilt: readonly string[] }[] = Object(
    jsonOf(caller.cnictl(["reapply", ...args, "--json"], environment)),
  );
  return outcomes.flatMap(({ rebuilt }) => rebuilt);
}

function run(netns: string, script: string): ChildProcess {
  const child = spawn("nsenter", [`--net=${netns}`, process.execPath, "-e", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  return child;
}

/** Starts the program of a unit on the lab's host, with the cnictl under test. */
function startUnit(name: string): ChildProcess {
  const text = fs.readFileSync(path.join(unitDir, `${name}.service`), "utf8");
  const [, shell = ""] = /^ExecStart=\/bin\/sh -c '(.*)'$/m.exec(text) ?? [];
  const script = shell.replaceAll("\\'", "'").replaceAll("/opt/cni/bin/cnictl", path.join(binDir, "cnictl"));
  const child = caller.start(["sh", "-c", script], environment);
  return child;
}

/** Ends a program and those that it started. */
function endGroup({ pid, exitCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null) process.kill(-pid, "SIGKILL");
}

/** Repeats something until it has happened, for up to a minute. */
async function until(isDone: () => boolean, act: () => void): Promise<void> {
  for (let left = 12; left > 0; left--) {
    act();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    if (isDone()) return;
  }
  throw new Error("It did not happen within a minute");
}

function nextOutput(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once("close", (status) => reject(new Error(`a program ended with ${status}`)));
    child.stdout?.once("data", (chunk) => resolve(String(chunk).trim()));
  });
}

/** A connection from the outside through the published port, which says whether it still goes on. */
async function connect(netns: string): Promise<(text: string) => Promise<string>> {
  await nextOutput(run(netns, ECHO));
  const client = run(`/run/netns/${caller.lab.id}-outside`, TALK);
  expect(await nextOutput(client)).toBe("up");
  return (text) => {
    const answer = nextOutput(client);
    client.stdin?.write(`${text}\n`);
    return answer;
  };
}

test.each([
  ["nft flush ruleset", ["masquerade", "spoof checks", "port mappings", "firewall rules"]],
  ["sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0", ["forwarding"]],
  ["sysctl -qw net.ipv4.conf.cni0.forwarding=0", ["forwarding"]],
  ["ip address flush dev cni0", ["gateway addresses"]],
  ["ip link set cni0 down", ["bridge up", "gateway addresses"]],
  ["nft delete table inet cni_masquerade", ["masquerade"]],
  ["sysctl -qw net.ipv4.conf.cni0.route_localnet=0", ["route_localnet"]],
  ["ip link delete cni0", ["bridge", "port", "gateway addresses", "route_localnet"]],
  ["ip link set dev $(ip -br link show master cni0 | cut -d@ -f1) nomaster", ["port"]],
])("after `%s`, it rebuilds %j, and a connection through a published port goes on", async (event, expected) => {
  writeList([BRIDGE, PORTMAP, { type: "firewall" }]);
  const netns = attach();
  expect(check(netns)).toMatchObject({ status: 0 });
  const say = await connect(netns);
  expect(await say("before")).toBe("before");
  expect(reapply()).toEqual([]);
  caller.lab.run(["sh", "-ec", event]);
  expect(reapply()).toEqual(expected);
  expect(check(netns)).toMatchObject({ status: 0, stderr: "" });
  expect(await say("after")).toBe("after");
  caller.lab.run(["ping", "-n", "-c1", "-W10", "-q", OUTSIDE[4]], netns);
  expect(reapply()).toEqual([]);
  expect(caller.cnictl(["del", "one", netns], environment)).toMatchObject({ status: 0 });
  expect(caller.lab.run(["nft", "list", "ruleset"])).not.toContain("elements");
});

/** How many transactions of nf_tables a reapply made. One without an end message only asks the kernel what it can. */
function countTransactions(): number {
  const file = path.join(caller.lab.dir, "trace");
  const traced = ["strace", "-f", "-qq", "-v", "-e", "trace=sendto", "-o", file];
  const cnictl = [...traced, path.join(binDir, "cnictl"), "reapply"];
  expect(caller.run(cnictl, environment)).toMatchObject({ status: 0, stderr: "" });
  return fs.readFileSync(file, "utf8").split("NFNL_MSG_BATCH_END").length - 1;
}

test("the rules of all containers are rebuilt by one transaction for each table", () => {
  writeList([BRIDGE, PORTMAP, { type: "firewall" }]);
  const ports = (hostPort: number) => ({
    CAP_ARGS: JSON.stringify({ portMappings: [{ hostPort, containerPort: 80 }] }),
  });
  const containers = [8081, 8082, 8083].map((port) => attach(`c${port}`, "one", ports(port)));
  const before = caller.lab.run(["nft", "list", "tables"]).trim().split("\n");
  caller.lab.run(["nft", "flush", "ruleset"]);
  expect(countTransactions()).toBe(before.length);
  for (const netns of containers) expect(check(netns)).toMatchObject({ status: 0, stderr: "" });
  expect(countTransactions()).toBe(0);
});

test.each([
  ["nftables", {}],
  ["iptables", { backend: "iptables" }],
])(
  "where one container's rules of %s are refused, the others are rebuilt all the same, and it is named",
  (_, backend) => {
    writeList([
      { ...BRIDGE, macspoofchk: false },
      { ...PORTMAP, ...backend },
    ]);
    const [one = "", two = ""] = ["c1", "c2"].map((name, index) =>
      attach(name, "one", {
        CAP_ARGS: JSON.stringify({ portMappings: [{ hostPort: 8081 + index, containerPort: 80 }] }),
      }),
    );
    const cached = path.join(caller.lab.dir, "state/results");
    const [file = ""] = caller
      .files("results")
      .filter((name) => fs.readFileSync(path.join(cached, name), "utf8").includes("8082"));
    const text = fs.readFileSync(path.join(cached, file), "utf8");
    fs.writeFileSync(path.join(cached, file), text.replaceAll('"hostPort":8082', '"hostPort":8081'));
    // It flushes what iptables-nft keeps in nf_tables too.
    caller.lab.run(["nft", "flush", "ruleset"]);
    const { status, stdout } = caller.cnictl(["reapply", "--json"], environment);
    expect(status).toBe(1);
    const outcomes: readonly { rebuilt: string[]; failed: string[] }[] = JSON.parse(stdout);
    expect(outcomes.toSorted((a, b) => a.failed.length - b.failed.length)).toMatchObject([
      { rebuilt: ["masquerade", "port mappings"], failed: [] },
      { rebuilt: ["masquerade"], failed: [expect.stringMatching(/^port mappings: .*8081/)] },
    ]);
    // Which of the two was first is chance.
    expect([one, two].map((netns) => check(netns).status).toSorted()).toEqual([0, 1]);
  },
);

test("a bridge that somebody deleted is built again for all its containers, as ADD would", () => {
  writeList([
    { ...BRIDGE, mtu: 1400, promiscMode: true, portIsolation: true, macspoofchk: false, spoofchk: "strict" },
    { type: "firewall" },
  ]);
  const [one, two] = [attach("c1"), attach("c2")];
  const show = () => {
    const bridge = caller.lab.ip("-d link show cni0").map((link) => {
      const { address, mtu, promiscuity, ifalias, linkinfo } = Object(link);
      return { address, mtu, promiscuity, ifalias, filtering: linkinfo.info_data.vlan_filtering };
    });
    const ports = caller.lab.ip("-d link show master cni0").map((link) => {
      const { ifname, ifindex, linkinfo } = Object(link);
      const { isolated, hairpin, group_fwd_mask: groups } = linkinfo.info_slave_data;
      return { ifname, ifindex, isolated, hairpin, groups };
    });
    const addresses = caller.lab.ip("address show cni0").flatMap((link) => Object(link).addr_info);
    const kept = addresses.filter(({ scope }) => scope === "global").map(({ local, prefixlen }) => [local, prefixlen]);
    return { bridge, ports, kept };
  };
  const before = show();
  expect(before.ports).toHaveLength(2);
  caller.lab.run(["ip", "link", "delete", "cni0"]);
  expect(reapply()).toEqual(["bridge", "port", "gateway addresses", "port"]);
  expect(show()).toEqual(before);
  for (const netns of [one, two]) expect(check(netns)).toMatchObject({ status: 0, stderr: "" });
  for (const netns of [one, two]) caller.lab.run(["ping", "-n", "-c1", "-W10", "-q", OUTSIDE[4]], netns);
  expect(reapply()).toEqual([]);
});

test("a port is brought back only if it is the attachment's, and on no other bridge", () => {
  writeList([BRIDGE]);
  attach();
  const [port = ""] = caller.lab.ip("link show master cni0").map((link) => String(Object(link).ifname));
  const refusal = () => caller.cnictl(["reapply"], environment).stdout;
  caller.lab.run(["sh", "-ec", `ip link add br1 type bridge; ip link set ${port} master br1`]);
  expect(refusal()).toContain(`its port "${port}" is on another bridge: start the container again`);
  caller.lab.run(["sh", "-ec", `ip link set ${port} nomaster; ip link set ${port} alias ""`]);
  expect(refusal()).toContain(`the alias of port "${port}" does not name it: start the container again`);
});

test.each([
  ["the limit of what the container receives", "tc qdisc del dev $port root", ["ingress limit"]],
  ["the redirect", "tc filter del dev $port ingress", ["egress limit"]],
  ["the qdisc with the redirect", "tc qdisc del dev $port ingress", ["egress limit"]],
  ["the IFB", "ip link del $ifb", ["egress limit"]],
  ["the limit of the IFB", "tc qdisc del dev $ifb root", ["egress limit"]],
  ["another limit", "tc qdisc change dev $ifb root tbf rate 1mbit burst 10k latency 25ms", ["egress limit"]],
])("bandwidth: %s that somebody took is rebuilt", (_, event, expected) => {
  const rates = { ingressRate: 8_000_000, ingressBurst: 800_000, egressRate: 8_000_000, egressBurst: 800_000 };
  writeList([BRIDGE, { type: "bandwidth", ...rates }]);
  const netns = attach();
  const links = caller.lab.ip("link show").map((link) => String(Object(link).ifname));
  const variables = `port=${links.find((name) => name.startsWith("veth"))}; ifb=${links.find((name) => name.startsWith("bwp"))}`;
  expect(reapply()).toEqual([]);
  caller.lab.run(["sh", "-ec", `${variables}; ${event}`]);
  expect(check(netns).status).toBe(1);
  expect(reapply()).toEqual(expected);
  expect(check(netns)).toMatchObject({ status: 0, stderr: "" });
  expect(reapply()).toEqual([]);
});

test("a DEL beside reapply leaves nothing", async () => {
  writeList([BRIDGE, PORTMAP, { type: "firewall", ingressPolicy: "isolated" }]);
  for (let round = 0; round < 12; round++) {
    const netns = attach(`d${round}`);
    caller.lab.run(["nft", "flush", "ruleset"]);
    const started = [["reapply"], ["del", "one", netns]].map((args, index) => {
      return new Promise<number | null>((resolve, reject) => {
        const wait = index === 1 ? round * 3 : 0;
        setTimeout(() => {
          const child = caller.start([path.join(binDir, "cnictl"), ...args], environment);
          child.once("error", reject);
          child.once("close", resolve);
        }, wait);
      });
    });
    expect(await Promise.all(started)).toEqual([0, 0]);
    const rules = caller.lab.run(["nft", "list", "ruleset"]).split("\n");
    expect(rules.filter((line) => line.includes("if: eth0"))).toEqual([]);
    expect(caller.lab.ip("link show master cni0")).toEqual([]);
  }
});

test("after `firewall-cmd --reload` the container is in its zone again, and its connection goes on", async () => {
  writeList([BRIDGE, PORTMAP, { type: "firewall" }]);
  const firewalld = await LabFirewalld.start(caller.lab);
  try {
    environment = { ...environment, ...firewalld.environment };
    firewalld.command("--zone=trusted", "--add-interface=up0", "--permanent");
    firewalld.command("--reload");
    const netns = attach();
    const say = await connect(netns);
    expect(await say("before")).toBe("before");
    const sources = firewalld.sources("trusted");
    expect(sources).toHaveLength(2);
    firewalld.command("--reload");
    expect(firewalld.sources("trusted")).toEqual([]);
    expect(reapply()).toEqual(["firewall rules"]);
    expect(firewalld.sources("trusted")).toEqual(sources);
    expect(await say("after")).toBe("after");

    // The same by the unit for systemd, which waits for the signal of firewalld.
    const watch = startUnit("cni-reapply-watch");
    try {
      await until(
        () => firewalld.sources("trusted").length > 0,
        () => firewalld.command("--reload"),
      );
    } finally {
      endGroup(watch);
    }
    expect(firewalld.sources("trusted")).toEqual(sources);
    expect(await say("at last")).toBe("at last");
  } finally {
    await firewalld.stop();
  }
});

test("the units for systemd are well formed, and run cnictl or a plugin of the folder of plugins", () => {
  const units = fs.readdirSync(unitDir);
  expect(units.length).toBeGreaterThan(2);
  for (const unit of units) {
    const { stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", path.join(unitDir, unit)], {
      encoding: "utf8",
    });
    expect(stderr.split("\n").filter((line) => line !== "" && !/\/opt\/cni\/bin\/(cnictl|dhcp) /.test(line))).toEqual(
      [],
    );
    if (unit.endsWith(".service"))
      expect(fs.readFileSync(path.join(unitDir, unit), "utf8")).toMatch(
        /^ExecStart=.*\/opt\/cni\/bin\/(cnictl|dhcp) [a-z]/m,
      );
  }
});

test("rules of iptables that somebody flushed are rebuilt", () => {
  caller.lab.run(["sh", "-ec", "iptables -P FORWARD DROP; ip6tables -P FORWARD DROP"]);
  writeList([{ ...BRIDGE, ipMasqBackend: "iptables" }, { ...PORTMAP, backend: "iptables" }, { type: "firewall" }]);
  const netns = attach();
  const rules = () =>
    caller.lab.run(["sh", "-ec", "iptables -t nat -S; ip6tables -t nat -S; iptables -S; ip6tables -S"]);
  const before = rules();
  for (const table of ["nat", "filter"])
    for (const tool of ["iptables", "ip6tables"]) caller.lab.run([tool, "-t", table, "-F"]);
  expect(reapply()).toEqual(["masquerade", "port mappings", "firewall rules"]);
  expect(check(netns)).toMatchObject({ status: 0, stderr: "" });
  expect(rules().split("\n").sort()).toEqual(before.split("\n").sort());
});

test("the rules of iptables of all containers are rebuilt by one command for each family", () => {
  const iptables = { ...BRIDGE, ipMasqBackend: "iptables" };
  writeList([iptables, { ...PORTMAP, backend: "iptables" }, { type: "firewall", backend: "iptables" }]);
  const containers = [8081, 8082, 8083].map((hostPort) =>
    attach(`c${hostPort}`, "one", { CAP_ARGS: JSON.stringify({ portMappings: [{ hostPort, containerPort: 80 }] }) }),
  );
  const rules = () =>
    caller.lab.run([
      "sh",
      "-ec",
      "for tool in iptables ip6tables; do for t in raw nat filter; do $tool -t $t -S; done; done",
    ]);
  const before = rules().split("\n").sort();
  for (const tool of ["iptables", "ip6tables"])
    for (const table of ["raw", "nat", "filter"])
      caller.lab.run(["sh", "-ec", `${tool} -t ${table} -F; ${tool} -t ${table} -X`]);
  const file = path.join(caller.lab.dir, "trace");
  const traced = ["strace", "-f", "-qq", "-e", "trace=execve", "-o", file, path.join(binDir, "cnictl"), "reapply"];
  expect(caller.run(traced, environment)).toMatchObject({ status: 0, stderr: "" });
  const restores = fs.readFileSync(file, "utf8").match(/execve\("[^"]*tables(-\w+)?-restore"/g) ?? [];
  // The filter table is asked for by variant.
  expect(restores.map((each) => path.basename(each)).sort()).toEqual([
    'ip6tables-nft-restore"',
    'ip6tables-restore"',
    'iptables-nft-restore"',
    'iptables-restore"',
  ]);
  expect(rules().split("\n").sort()).toEqual(before);
  for (const netns of containers) expect(check(netns)).toMatchObject({ status: 0, stderr: "" });
});

test("strict spoof checks and the isolation of a container are rebuilt", () => {
  const strict = { ...BRIDGE, macspoofchk: false, spoofchk: "strict" };
  writeList([strict, { type: "firewall", ingressPolicy: "isolated" }]);
  const netns = attach();
  caller.lab.run(["nft", "flush", "ruleset"]);
  expect(reapply()).toEqual(["masquerade", "spoof checks", "firewall rules"]);
  expect(check(netns)).toMatchObject({ status: 0, stderr: "" });
  caller.lab.run(["ping", "-n", "-c1", "-W10", "-q", OUTSIDE[4]], netns);
});

test("a network can be named, and containers that are gone stay as they are", () => {
  writeList([BRIDGE]);
  writeList([{ ...BRIDGE, bridge: "cni1", ipam: { type: "host-local", subnet: "10.99.0.0/16" } }], "two");
  const gone = attach("c1");
  attach("c2");
  attach("c3", "two");
  caller.lab.deleteNamespace(gone);
  caller.lab.run(["nft", "flush", "ruleset"]);
  expect(reapply(["two"])).toEqual(["masquerade", "spoof checks"]);
  expect(reapply()).toEqual(["masquerade", "spoof checks"]);
  expect(caller.lab.run(["nft", "list", "map", "inet", "cni_masquerade", "sources4"]).match(/comment/g)).toHaveLength(
    2,
  );
});

test("one attachment that cannot be rebuilt is named, and the others are rebuilt", () => {
  writeList([BRIDGE]);
  const broken = attach("c1");
  attach("c2");
  caller.lab.run(["ip", "link", "delete", "eth0"], broken);
  caller.lab.run(["nft", "flush", "ruleset"]);
  const { status, stdout } = caller.cnictl(["reapply"], environment);
  expect(status).toBe(1);
  const [header, ...lines] = stdout.trimEnd().split("\n");
  expect(header).toMatch(/^NETWORK +CONTAINER +INTERFACE +REBUILT +FAILED$/);
  expect(lines).toHaveLength(2);
  expect(stdout).toMatch(/ - +Cannot rebuild the attachment: the container has no "eth0": start the container again$/m);
  expect(stdout).toMatch(/ masquerade, spoof checks +-$/m);
});

test("a path that leads to another container by now is refused, and nothing of that one's is touched", () => {
  writeList([BRIDGE, { type: "firewall", ingressPolicy: "isolated" }]);
  const one = attach("c1");
  const two = attach("c2");
  // c1 went without a DEL, and its path was taken.
  caller.lab.run(["umount", one]);
  caller.lab.run(["mount", "--bind", two, one]);
  caller.lab.run(["nft", "flush", "ruleset"]);
  const { status, stdout } = caller.cnictl(["reapply", "--json"], environment);
  expect(status).toBe(1);
  const outcomes: readonly { containerId: string; rebuilt: string[]; failed: string[] }[] = JSON.parse(stdout);
  const refused = outcomes.filter(({ failed }) => failed.length > 0);
  const rebuilt = outcomes.filter(({ failed }) => failed.length === 0);
  const failed = [expect.stringMatching(/^"eth0" in .* is not the interface of its ADD: nothing was rebuilt/)];
  expect(refused).toMatchObject([{ rebuilt: [], failed }]);
  expect(rebuilt).toMatchObject([{ rebuilt: ["masquerade", "spoof checks", "firewall rules"] }]);
  const rules = caller.lab.run(["nft", "list", "ruleset"]);
  expect(rules).toContain(rebuilt[0]?.containerId);
  expect(rules).not.toContain(refused[0]?.containerId);
  caller.lab.run(["umount", one]);
});

test("attachments of the Go plugins are left to these", () => {
  writeList([{ ...BRIDGE, macspoofchk: false }]);
  attach("c1", "one", { CNI_PATH: referenceDir() });
  caller.lab.run(["sh", "-ec", "nft flush ruleset; iptables -t nat -F"]);
  environment = { ...environment, CNI_PATH: referenceDir() };
  expect(reapply()).toEqual([]);
  expect(caller.lab.run(["nft", "list", "tables"])).not.toContain("cni_masquerade");
});

test("what ptp made on the host is rebuilt, and the container reaches the outside again", () => {
  writeList([{ type: "ptp", ipMasq: true, ipam: { ...BRIDGE.ipam, routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }] } }]);
  const netns = attach();
  const isOut = (to: string) => caller.lab.try(["ping", "-n", "-c1", "-W5", to], netns).status === 0;
  expect(reapply()).toEqual([]);
  const names = caller.lab.ip("link show type veth").map((link) => String(Object(link).ifname));
  const port = names.find((name) => name !== "up0");
  const take = `ip link set ${port} down; ip address flush dev ${port}; nft flush ruleset; sysctl -qw net.ipv4.ip_forward=0`;
  caller.lab.run(["sh", "-ec", take]);
  expect(reapply()).toEqual(["host end up", "gateway addresses", "routes", "forwarding", "masquerade"]);
  expect(check(netns)).toMatchObject({ status: 0, stderr: "" });
  for (const to of [OUTSIDE[4], OUTSIDE[6]]) expect(isOut(to), to).toBe(true);
  expect(reapply()).toEqual([]);
});
