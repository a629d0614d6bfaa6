import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Caller, confDir, jsonOf } from "../caller.ts";
import { binDir, type Outcome } from "../lab.ts";

let caller: Caller;

beforeEach(() => {
  caller = new Caller();
});
afterEach(() => caller.dispose());

const quiet = { status: 0, stdout: "", stderr: "" };

function expectQuiet(outcome: Outcome): void {
  expect(outcome).toMatchObject(quiet);
}

/** Host's links but for the loopback and the bridge. */
function ports(): unknown[] {
  return caller.lab.ip("link show type veth");
}

const networks = [
  { network: "bridge", bridge: "cni0", gateways: ["10.88.0.1"], addresses: ["10.88.0.2", "10.88.0.3"], ranges: 1 },
  {
    network: "dual-stack",
    bridge: "cni1",
    gateways: ["10.89.0.1", "fd00:10:89::1"],
    addresses: ["10.89.0.2", "10.89.0.3", "fd00:10:89::2", "fd00:10:89::3"],
    ranges: 2,
  },
  {
    network: "rkt.kubernetes.io",
    bridge: "mybridge",
    gateways: ["10.1.0.1"],
    addresses: ["10.1.0.2", "10.1.0.3"],
    ranges: 1,
  },
];

test.each(networks)("the shipped network $network connects containers, and leaves nothing behind", (shipped) => {
  const { network, bridge, gateways, addresses, ranges } = shipped;
  const containers = ["c1", "c2"].map((name) => caller.lab.addNamespace(name));
  for (const netns of containers) {
    caller.lab.run(["ip", "link", "set", "lo", "up"], netns);
    jsonOf(caller.cnictl(["add", network, netns]));
  }
  expect(caller.files(`networks/${network}`)).toEqual(expect.arrayContaining(addresses));
  for (const netns of containers)
    for (const address of [...gateways, ...addresses]) caller.lab.run(["ping", "-c1", "-W10", "-q", address], netns);
  for (const netns of containers) expectQuiet(caller.cnictl(["del", network, netns]));
  expect([ports(), caller.files("results")]).toEqual([[], []]);
  const kept = caller.files(`networks/${network}`).filter((name) => !name.startsWith("last_reserved_ip."));
  expect(kept.filter((name) => /[0-9a-f][.:]/.test(name))).toEqual([]);
  expect(caller.files(`networks/${network}`).filter((name) => name.startsWith("last"))).toHaveLength(ranges);
  expect(caller.lab.run(["nft", "list", "ruleset"])).not.toMatch(/elements/);
  expect(caller.lab.ip("link show type bridge")).toMatchObject([{ ifname: bridge }]);
});

test("the shipped network layer2 connects containers, and leaves nothing behind", () => {
  const containers = ["c1", "c2"].map((name) => caller.lab.addNamespace(name));
  for (const [index, netns] of containers.entries()) {
    expect(jsonOf(caller.cnictl(["add", "layer2", netns]))).not.toHaveProperty("ips");
    caller.lab.run(["ip", "address", "add", `192.0.2.${index + 1}/24`, "dev", "eth0"], netns);
  }
  caller.lab.run(["ping", "-c1", "-W10", "-q", "192.0.2.2"], containers[0]);
  for (const netns of containers) {
    expectQuiet(caller.cnictl(["check", "layer2", netns]));
    expectQuiet(caller.cnictl(["del", "layer2", netns]));
  }
  expect([ports(), caller.files("results"), caller.files("networks")]).toEqual([[], [], []]);
});

test("the oldest published style works as it stands, down to the names of its files", () => {
  const netns = caller.lab.addNamespace("c1");
  const result = jsonOf(caller.cnictl(["add", "rkt.kubernetes.io", netns]));
  expect(result).toMatchObject({ cniVersion: "0.1.0", ip4: { ip: "10.1.0.2/16", gateway: "10.1.0.1" }, dns: {} });
  expect(caller.files("networks/rkt.kubernetes.io")).toEqual(
    expect.arrayContaining(["10.1.0.2", "last_reserved_ip.0"]),
  );
  expect(caller.cnictl(["check", "rkt.kubernetes.io", netns])).toMatchObject({
    status: 1,
    stdout: "",
    stderr: expect.stringMatching(/^configuration version "" does not support the CHECK command\n {2}code: 1 /),
  });
});

test("check finds what was changed by hand, del takes it all the same", () => {
  const netns = caller.lab.addNamespace("c1");
  jsonOf(caller.cnictl(["add", "bridge", netns]));
  expectQuiet(caller.cnictl(["check", "bridge", netns]));
  caller.lab.run(["ip", "address", "flush", "dev", "eth0"], netns);
  const outcome = caller.cnictl(["check", "bridge", netns]);
  expect([outcome.status, outcome.stdout]).toEqual([1, ""]);
  expect(outcome.stderr).not.toBe("");
  expectQuiet(caller.cnictl(["del", "bridge", netns]));
  expectQuiet(caller.cnictl(["del", "bridge", netns]));
});

test("a reader that goes away is no error, and add goes on to its end", () => {
  const netns = caller.lab.addNamespace("c1");
  const cnictl = path.join(binDir, "cnictl");
  const script = `("$0" "$@"; echo "exit code $?" >&2) | true`;
  for (const args of [
    ["trace", "add", "bridge", netns],
    ["check", "bridge", netns],
    ["ps"],
    ["trace", "del", "bridge", netns],
  ]) {
    const { stderr } = caller.run(["sh", "-c", script, cnictl, ...args]);
    expect(stderr).toBe("exit code 0\n");
    expect(caller.files("results").length).toBe(args.includes("del") ? 0 : 1);
  }
});

test("a plugin that is missing stops add before it begins; del runs the others", () => {
  const netns = caller.lab.addNamespace("c1");
  const lists = path.join(caller.lab.dir, "net.d");
  const write = (...types: string[]) => {
    const ipam = { type: "host-local", subnet: "10.88.7.0/24" };
    const plugins = types.map((type) => (type === "bridge" ? { type, bridge: "br7", ipMasq: true, ipam } : { type }));
    fs.mkdirSync(lists, { recursive: true });
    fs.writeFileSync(path.join(lists, "10-x.conflist"), JSON.stringify({ cniVersion: "1.0.0", name: "x", plugins }));
  };
  const cnictl = (command: string) => caller.cnictl([command, "x", netns], { NETCONFPATH: lists });
  const links = () => caller.lab.ip("link show type veth").length;
  write("bridge", "portmpa");
  const refused = cnictl("add");
  expect(refused.status).toBe(1);
  expect(refused.stderr).toMatch(
    /^plugin type="portmpa" failed \(add\): failed to find plugin .*\n.*\n.*"portmap"\?\n$/,
  );
  expect([links(), caller.files("networks/x")]).toEqual([0, []]);
  write("bridge");
  jsonOf(cnictl("add"));
  expect(links()).toBe(1);
  write("bridge", "portmpa");
  const deleted = cnictl("del");
  expect(deleted.status).toBe(1);
  expect(deleted.stderr).toMatch(
    /^plugin type="portmpa" failed \(delete\): failed to find plugin .*; DEL of bridge ran; /,
  );
  expect([links(), caller.files("results")]).toEqual([0, []]);
});

test("add twice is refused and harms nothing", () => {
  const netns = caller.lab.addNamespace("c1");
  jsonOf(caller.cnictl(["add", "bridge", netns]));
  const second = caller.cnictl(["add", "bridge", netns]);
  expect([second.status, second.stdout]).toEqual([1, ""]);
  expect(second.stderr).toMatch(/^plugin type="bridge" failed \(add\): /m);
  expectQuiet(caller.cnictl(["check", "bridge", netns]));
});

test("one container has several attachments, by --ifname and --container-id", () => {
  const netns = caller.lab.addNamespace("c1");
  jsonOf(caller.cnictl(["add", "bridge", netns, "--container-id", "c1"]));
  jsonOf(caller.cnictl(["add", "dual-stack", netns, "--container-id", "c1", "-i", "net1"]));
  expect(caller.files("results")).toEqual(["bridge-c1-eth0", "dual-stack-c1-net1"]);
  expect(caller.lab.ip("link show type veth", netns)).toMatchObject([{ ifname: "eth0" }, { ifname: "net1" }]);
});

test("gc gives back what a vanished namespace had, and keeps the living", () => {
  const [living, vanished] = [caller.lab.addNamespace("c1"), caller.lab.addNamespace("c2")];
  for (const netns of [living, vanished]) jsonOf(caller.cnictl(["add", "bridge", netns]));
  caller.lab.deleteNamespace(vanished);
  expectQuiet(caller.cnictl(["gc", "bridge"]));
  expect(caller.files("results")).toHaveLength(1);
  expect(caller.files("networks/bridge").filter((name) => name.startsWith("10."))).toEqual(["10.88.0.2"]);
  expectQuiet(caller.cnictl(["check", "bridge", living]));
});

test("gc keeps a container whose namespace's path leads nowhere here, until nobody is in it", async () => {
  const netns = caller.lab.addNamespace("c1");
  jsonOf(caller.cnictl(["add", "bridge", netns]));
  // Its own mount namespace keeps the path mounted, as apptainer's does.
  const inside = spawn("unshare", ["--mount", "nsenter", `--net=${netns}`, "sh", "-c", "echo ready; exec sleep 600"]);
  try {
    await once(inside.stdout, "data");
    caller.lab.deleteNamespace(netns);
    expectQuiet(caller.cnictl(["gc", "bridge"]));
    expect(caller.files("results")).toHaveLength(1);
    const [{ namespace }] = JSON.parse(caller.cnictl(["ps", "--json"]).stdout);
    expect(namespace).toBe("alive");
    const inspected = caller.cnictl(["inspect", path.basename(netns), "--json"]).stdout;
    expect(JSON.parse(inspected)).toMatchObject({ netns, namespace: "alive" });
    expect(caller.lab.try(["ping", "-n", "-c1", "-W5", "10.88.0.2"]).status).toBe(0);
  } finally {
    inside.kill("SIGKILL");
    await once(inside, "exit");
  }
  expectQuiet(caller.cnictl(["gc", "bridge"]));
  expect([caller.files("results"), ports()]).toEqual([[], []]);
});

test("gc gives back what a namespace had that only an open file keeps", () => {
  const netns = caller.lab.addNamespace("c1");
  jsonOf(caller.cnictl(["add", "bridge", netns]));
  const open = fs.openSync(netns, "r");
  try {
    caller.lab.deleteNamespace(netns);
    expectQuiet(caller.cnictl(["gc", "bridge"]));
    expect([caller.files("results"), ports()]).toEqual([[], []]);
  } finally {
    fs.closeSync(open);
  }
});

test("a spoilt result cache does not block del", () => {
  const netns = caller.lab.addNamespace("c1");
  jsonOf(caller.cnictl(["add", "bridge", netns]));
  caller.spoilResult('{"kind":"cniCac');
  expect(caller.cnictl(["del", "bridge", netns])).toMatchObject({ status: 0, stdout: "" });
  expect([ports(), caller.files("results")]).toEqual([[], []]);
});

test("a person at a terminal reads lines", () => {
  const netns = caller.lab.addNamespace("c1");
  const typed = (command: string) =>
    caller.run(["script", "-qec", `"$CNI_PATH/cnictl" ${command}`, "/dev/null"]).stdout.replaceAll("\r", "");
  const shown = typed(`add bridge ${netns}`);
  expect(shown).toMatch(/^eth0 in \S+ is on network "bridge" \(container cnitool-[0-9a-f]{20}\)\n\ninterface {2}cni0 /);
  expect(shown).toMatch(/^address {4}10\.88\.0\.2\/16 {2}gateway 10\.88\.0\.1 {2}on eth0$/m);
  expect(typed(`check bridge ${netns}`)).toMatch(/: as it should be\n$/);
  expect(typed("status bridge")).toBe("bridge: ready\n");
  expect(typed(`del bridge ${netns}`)).toMatch(/: detached\n$/);
  expect(typed("add nothing x")).toMatch(/\n {2}next: use one of the networks there: bridge, /);
});

test.each([
  [[], 0],
  [["attach"], 2],
  [["add", "bridge"], 2],
  [["--help"], 0],
  [["--version"], 0],
  [["status", "nothing"], 1],
])("cnictl %j exits %i", (args, status) => {
  expect(caller.cnictl(args).status).toBe(status);
});

test("add keeps its result where the folder of results is a mount of its own", () => {
  const cache = path.join(caller.lab.dir, "cache");
  fs.mkdirSync(path.join(cache, "results"), { recursive: true });
  const netns = caller.lab.addNamespace("c1");
  const script = `mount -t tmpfs tmpfs ${cache}/results; cnictl=${binDir}/cnictl
    $cnictl add layer2 ${netns} --cache-dir ${cache} >&2; ls -A ${cache}/results
    $cnictl del layer2 ${netns} --cache-dir ${cache}; ls -A ${cache} ${cache}/results`;
  const environment = [`NETCONFPATH=${confDir}`, `CNI_PATH=${binDir}`];
  const printed = caller.lab.run(["env", ...environment, "unshare", "--mount", "sh", "-ec", script]);
  const [result = "", ...left] = printed.split("\n");
  expect(result).toMatch(/^layer2-cnitool-[0-9a-f]+-eth0$/);
  expect(left.join("\n")).toBe(`${cache}:\nresults\n\n${cache}/results:\n`);
});
