import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ownerComment } from "../../src/netfilter/owner.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { makeStage, type Stage } from "./stage.ts";

/** What `cnitool` 1.3.0 makes of /run/netns/blue, captured. */
const ID = "cnitool-df26705e2e4ffd095eb1";

let stage: Stage;
let options: string[];

beforeEach(() => {
  stage = makeStage();
  options = ["--cache-dir", path.join(stage.directory, "cache")];
  stage.write("net.d/10-x.conflist", {
    cniVersion: "1.1.0",
    name: "x",
    plugins: [{ type: "a", capabilities: { mac: true } }],
  });
  stage.plugin("a", ({ environment }) =>
    environment["CNI_COMMAND"] === "ADD" ? { stdout: JSON.stringify(RESULT) } : {},
  );
});
afterEach(() => stage.dispose());

const RESULT = {
  cniVersion: "1.1.0",
  interfaces: [
    { name: "cni0", mac: "8a:00:00:00:00:01" },
    { name: "vethabcd", mac: "8a:00:00:00:00:02" },
    { name: "eth0", mac: "8a:00:00:00:00:03", mtu: 1500, sandbox: "/run/netns/blue" },
  ],
  ips: [
    { interface: 2, address: "10.88.0.2/16", gateway: "10.88.0.1" },
    { interface: 2, address: "fd00::2/64" },
  ],
  routes: [{ dst: "0.0.0.0/0" }, { dst: "10.0.0.0/8", gw: "10.88.0.9", mtu: 1400, table: 0 }],
  dns: { nameservers: ["10.0.0.53", "10.0.0.54"], search: ["a.example"] },
};
const terminal = { out: true };
const environment = () => ({
  NETCONFPATH: path.join(stage.directory, "net.d"),
  CNI_PATH: path.join(stage.directory, "bin"),
});

test("add prints the result as cnitool does where nobody watches", () => {
  stage.plugin("a", () => ({
    stdout: '{"cniVersion":"1.1.0","ips":[{"address":"10.1.1.2/24"}],"interfaces":[{"name":"e"}]}',
  }));
  // Captured from cnitool 1.3.0, apart from the version.
  const out = `{
    "cniVersion": "1.1.0",
    "interfaces": [
        {
            "name": "e"
        }
    ],
    "ips": [
        {
            "address": "10.1.1.2/24"
        }
    ]
}`;
  expect(stage.cnictl(["add", "x", "/run/netns/blue", ...options])).toEqual({ code: 0, out, err: "" });
  expect(stage.cnictl(["add", "x", "/run/netns/blue", "--json", ...options], { terminal })).toEqual({
    code: 0,
    out,
    err: "",
  });
});

test("add shows the result in aligned lines to a person", () => {
  expect(
    stage.cnictl(["add", "x", "/run/netns/blue", ...options], { terminal }).out,
  ).toBe(`eth0 in /run/netns/blue is on network "x" (container ${ID})

interface   cni0                 8a:00:00:00:00:01  on the host
interface   vethabcd             8a:00:00:00:00:02  on the host
interface   eth0                 8a:00:00:00:00:03  in /run/netns/blue, mtu 1500
address     10.88.0.2/16         gateway 10.88.0.1  on eth0
address     fd00::2/64                              on eth0
route       0.0.0.0/0
route       10.0.0.0/8           via 10.88.0.9      mtu 1400, table 0
nameserver  10.0.0.53 10.0.0.54
search      a.example
`);
});

test("check, del, gc and status say nothing where nobody watches", () => {
  stage.cnictl(["add", "x", "/run/netns/blue", ...options]);
  for (const command of ["check", "status", "gc", "del"])
    expect(stage.cnictl([command, "x", "/run/netns/blue", ...options])).toEqual({ code: 0, out: "", err: "" });
});

test.each([
  ["check", `eth0 of container ${ID}, /run/netns/blue: as it should be\n`],
  ["del", `eth0 of container ${ID}, /run/netns/blue: detached\n`],
  ["status", "x: ready\n"],
  ["gc", "0 detached, 1 kept\n"],
])("%s says to a person what came of it, but not with --json", (command, out) => {
  stage.cnictl(["add", "x", "/run/netns/blue", ...options]);
  expect(stage.cnictl([command, "x", "/run/netns/blue", ...options], { terminal })).toEqual({ code: 0, out, err: "" });
  expect(stage.cnictl([command, "x", "/run/netns/blue", "--json", ...options], { terminal }).out).toBe("");
});

test.each([
  ["check", { disableCheck: true }, /: not checked: the network sets disableCheck\n$/],
  ["gc", { disableGC: true }, /^nothing done: the network sets disableGC\n$/],
  ["status", { cniVersion: "1.0.0" }, /^x: not asked: version 1\.0\.0 has no STATUS\n$/],
])("%s says to a person that nothing was asked for %j", (command, list, out) => {
  stage.write("net.d/10-x.conflist", { cniVersion: "1.1.0", name: "x", plugins: [{ type: "a" }], ...list });
  expect(stage.cnictl([command, "x", "/run/netns/blue", ...options], { terminal }).out).toMatch(out);
  expect(stage.calls).toEqual([]);
});

test("add names the container as cnitool does, after the namespace's absolute path", () => {
  stage.cnictl(["add", "x", "../run/./netns//blue", ...options], { directory: "/tmp" });
  expect(stage.calls[0]?.environment).toMatchObject({
    CNI_CONTAINERID: ID,
    CNI_NETNS: "/run/netns/blue",
    CNI_IFNAME: "eth0",
  });
});

test("add takes the container's id from --container-id", () => {
  stage.cnictl(["add", "x", "/run/netns/blue", "--container-id", "c1", ...options]);
  expect(stage.calls[0]?.environment).toMatchObject({ CNI_CONTAINERID: "c1" });
  expect(stage.files("cache/results")).toEqual(["x-c1-eth0"]);
});

test.each([
  [["-i", "net1"], { CNI_IFNAME: "net2" }, "net1"],
  [["--ifname", "net1"], {}, "net1"],
  [["--ifname=net1"], {}, "net1"],
  [[], { CNI_IFNAME: "net2" }, "net2"],
  [[], {}, "eth0"],
])("add with %j and %j calls the interface %s", (args, variables, ifname) => {
  stage.cnictl(["add", "x", "/run/netns/blue", ...args, ...options], {
    environment: { ...environment(), ...variables },
  });
  expect(stage.calls[0]?.environment["CNI_IFNAME"]).toBe(ifname);
});

test("add hands CNI_ARGS and CAP_ARGS to the plugins; check and del remember them", () => {
  const told = { ...environment(), CNI_ARGS: "A=b;C=d", CAP_ARGS: '{"mac": "0a:00:00:00:00:01", "ips": []}' };
  stage.cnictl(["add", "x", "/run/netns/blue", ...options], { environment: told });
  stage.cnictl(["check", "x", "/run/netns/blue", ...options]);
  stage.cnictl(["del", "x", "/run/netns/blue", ...options], {
    environment: { ...environment(), CNI_ARGS: "E=f", CAP_ARGS: "{}" },
  });
  const args = stage.calls.map((call) => call.environment["CNI_ARGS"]);
  const inputs = stage.calls.map((call): unknown => JSON.parse(call.stdin).runtimeConfig);
  expect(args).toEqual(["A=b;C=d", "A=b;C=d", "E=f"]);
  expect(inputs).toEqual([{ mac: "0a:00:00:00:00:01" }, { mac: "0a:00:00:00:00:01" }, undefined]);
});

test("add looks for plugins in every directory of CNI_PATH but not in the working directory", () => {
  stage.cnictl(["add", "x", "/run/netns/blue", ...options], {
    environment: { ...environment(), CNI_PATH: `:/nowhere::${stage.directory}/bin:` },
  });
  expect(stage.calls[0]?.environment["CNI_PATH"]).toBe(`/nowhere:${stage.directory}/bin`);
});

test.each([
  [{ CNI_ARGS: "A" }, 'invalid CNI_ARGS pair "A"'],
  [{ CNI_ARGS: "A=b;" }, 'invalid CNI_ARGS pair ""'],
  [{ CNI_ARGS: "A=b=c" }, 'invalid CNI_ARGS pair "A=b=c"'],
  [{ CNI_ARGS: "=b" }, 'invalid CNI_ARGS pair "=b"'],
  [{ CAP_ARGS: "[]" }, "Cannot use CAP_ARGS []: must be a JSON object"],
  [{ CAP_ARGS: "{" }, "Cannot use CAP_ARGS: unexpected end of JSON input"],
  [{ CNI_IFNAME: "" }, "interface name is empty"],
  [{ CNI_IFNAME: "sixteen-bytes-xx" }, "interface name is too long; interface name should be less than 16 characters"],
])("add refuses %j", (variables, err) => {
  const outcome = stage.cnictl(["add", "x", "/run/netns/blue", ...options], {
    environment: { ...environment(), ...variables },
  });
  expect(outcome).toMatchObject({ code: 1, out: "" });
  expect(outcome.err.split("\n")).toEqual([err, expect.stringMatching(/^ {2}code: [46] /), ""]);
  expect(stage.calls).toEqual([]);
});

test("gc keeps the attachments whose namespace is there and takes the others back", () => {
  stage.cnictl(["add", "x", "/run/netns/blue", ...options]);
  stage.cnictl(["add", "x", "/run/netns/red", "--container-id", "red", ...options]);
  const isLiving = (netns: string) => netns === "/run/netns/blue";
  const outcome = stage.cnictl(["gc", "x", ...options], { terminal, isLiving });
  expect(outcome.out).toBe("eth0 of container red, /run/netns/red: detached\n1 detached, 1 kept\n");
  expect(stage.files("cache/results")).toEqual([`x-${ID}-eth0`]);
  expect(JSON.parse(stage.calls.at(-1)?.stdin ?? "")).toMatchObject({
    "cni.dev/valid-attachments": [{ containerID: ID, ifname: "eth0" }],
  });
});

test("gc keeps an attachment of whose namespace nothing is known", () => {
  stage.write("cache/results/x-c1-eth0", { kind: "cniCacheV1", containerId: "c1", ifName: "eth0", networkName: "x" });
  expect(stage.cnictl(["gc", "x", ...options], { terminal, isLiving: () => false }).out).toBe("0 detached, 1 kept\n");
});

test("gc keeps an attachment whose veth is there, though its path leads nowhere", () => {
  for (const id of ["red", "blue"]) stage.cnictl(["add", "x", `/run/netns/${id}`, "--container-id", id, ...options]);
  const alias = ownerComment({ network: "x", containerId: "red", ifname: "eth0" });
  const gatherMarks = () => ({ links: [{ kind: "veth", alias } as Link], places: [], ports: [], problems: [] });
  const outcome = stage.cnictl(["gc", "x", ...options], { terminal, isLiving: () => false, gatherMarks });
  expect(outcome.out).toBe("eth0 of container blue, /run/netns/blue: detached\n1 detached, 1 kept\n");
});

test("gc --all takes everything back, as cnitool does", () => {
  stage.cnictl(["add", "x", "/run/netns/blue", ...options]);
  expect(stage.cnictl(["gc", "x", "--all", ...options], { terminal }).out).toMatch(/: detached\n1 detached, 0 kept\n$/);
  expect(JSON.parse(stage.calls.at(-1)?.stdin ?? "")).not.toHaveProperty(["cni.dev/valid-attachments"]);
});

/** Runs a command with an operand that names a namespace; `living` are the namespaces that exist. Returns the plugin's variables. */
function call(
  command: string,
  word: string,
  living: readonly string[],
  more: readonly string[] = [],
): Readonly<Record<string, string>> {
  stage.cnictl([command, "x", word, ...more, ...options], {
    isLiving: (netns) => living.includes(netns),
    directory: "/home",
  });
  return stage.calls.at(-1)?.environment ?? {};
}

test.each([
  ["blue", ["/run/netns/blue", "/home/blue"], "/run/netns/blue"],
  ["blue", ["/home/blue"], "/home/blue"],
  ["123", ["/run/netns/123", "/proc/123/ns/net"], "/run/netns/123"],
  ["123", ["/proc/123/ns/net"], "/proc/123/ns/net"],
  ["./blue", ["/run/netns/blue"], "/home/blue"],
  ["blue", [], "/run/netns/blue"],
])("%s, where %j exist, is the namespace %s", (word, living, netns) => {
  expect(call("add", word, living)["CNI_NETNS"]).toBe(netns);
});

test("a container that the cache knows is named by its ID or the beginning of it, a namespace that is gone by its old name", () => {
  stage.cnictl(["add", "x", "/proc/77/ns/net", "--container-id", "abcdef123456", ...options]);
  stage.cnictl(["add", "x", "/run/netns/red", "--container-id", "abcdef999999", ...options]);
  const named = (word: string) => {
    const { CNI_CONTAINERID: id, CNI_NETNS: netns } = call("check", word, []);
    return [id, netns];
  };
  expect(named("abcdef999999")).toEqual(["abcdef999999", "/run/netns/red"]);
  expect(named("abcdef1")).toEqual(["abcdef123456", "/proc/77/ns/net"]);
  expect(named("77")).toEqual(["abcdef123456", "/proc/77/ns/net"]);
  expect(named("red")).toEqual(["abcdef999999", "/run/netns/red"]);
  const before = stage.calls.length;
  call("check", "abcdef", []);
  call("check", "abcd", []);
  expect(stage.calls.length).toBe(before);
});

test("check and del find a container of a runtime by any path of its namespace, add and --container-id do not", () => {
  const netns = stage.write("run/netns", "");
  fs.symlinkSync(path.dirname(netns), path.join(stage.directory, "var"));
  fs.linkSync(netns, path.join(stage.directory, "other"));
  stage.cnictl(["add", "x", netns, "--container-id", "runtimes", ...options]);
  const named = (...args: string[]) => {
    const { CNI_CONTAINERID: id, CNI_NETNS: place } = call(args[0] ?? "", args[1] ?? "", [], args.slice(2));
    return [id, place];
  };
  const [link, twin] = ["var/netns", "other"].map((name) => path.join(stage.directory, name));
  for (const word of [netns, link ?? "", twin ?? ""]) expect(named("check", word)).toEqual(["runtimes", netns]);
  expect(named("del", link ?? "", "-i", "eth0")).toEqual(["runtimes", netns]);
  stage.cnictl(["add", "x", netns, "--container-id", "runtimes", ...options]);
  expect(named("add", netns)[0]).toMatch(/^cnitool-/);
  expect(named("check", netns)[0]).toMatch(/^cnitool-/);
});

test("del takes a list that is gone or broken from the cache, and says so", () => {
  stage.cnictl(["add", "x", "/run/netns/blue", ...options]);
  const file = stage.write("net.d/10-x.conflist", '{\n  "name": "x",\n  "plugins": [}\n}');
  const outcome = stage.cnictl(["del", "x", "/run/netns/blue", ...options]);
  expect(outcome).toEqual({
    code: 0,
    out: "",
    err: `${file}:3:15: error parsing configuration list: invalid character '}' looking for beginning of value\nUsing the list of the result cache\n`,
  });
  expect(stage.calls.map(({ environment: { CNI_COMMAND: command } }) => command)).toEqual(["ADD", "DEL"]);
  expect(stage.cnictl(["del", "x", "/run/netns/blue", ...options])).toMatchObject({ code: 1 });
});

test("a broken file stops its own network alone, and is named", () => {
  const file = stage.write("net.d/05-a.conflist", '{"name": 7}');
  expect(stage.cnictl(["add", "x", "/run/netns/blue", "--json", ...options])).toMatchObject({
    code: 0,
    err: `${file}: error parsing configuration list: invalid name type float64\n`,
  });
});

test("del of what never was says so", () => {
  expect(stage.cnictl(["del", "x", "/run/netns/blue", ...options], { terminal })).toEqual({
    code: 0,
    out: `eth0 of container ${ID}, /run/netns/blue: not attached as far as the cache knows; DEL ran all the same\n`,
    err: "",
  });
});

test("check of what was never attached says so", () => {
  const { code, err } = stage.cnictl(["check", "x", "/run/netns/blue", ...options], { terminal });
  expect([code, err]).toEqual([
    1,
    `eth0 of container ${ID} is not attached to network "x"; no result of ADD in ${stage.directory}/cache\n  code: 3 (unknownContainer)\n  next: \`cnictl ps\` lists what is attached; name a container with --container-id, another cache of results with --cache-dir\n`,
  ]);
});
