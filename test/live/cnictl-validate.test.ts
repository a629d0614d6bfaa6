import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Caller, confDir, jsonOf } from "../caller.ts";
import { listsOf } from "../documents/blocks.ts";
import { binDir } from "../lab.ts";
import { read, root } from "../repository/tree.ts";

let caller: Caller;

beforeEach(() => {
  caller = new Caller();
});
afterEach(() => caller.dispose());

interface Found {
  readonly file: string;
  readonly level: string;
  readonly path: string;
  readonly message: string;
}

/** The findings of one call. */
function validate(args: readonly string[], variables: Readonly<Record<string, string>> = {}): readonly Found[] {
  const { stdout, stderr } = caller.cnictl(["validate", "--json", ...args], variables);
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

function write(name: string, content: unknown): string {
  const file = path.join(caller.lab.dir, "net.d", name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

function listOf(...plugins: readonly object[]): object {
  return { cniVersion: "1.0.0", name: "net", plugins };
}

const FOLDERS = [...new Set(fs.globSync(`${confDir}/**/*.conf*`).map((file) => path.dirname(file)))];
const DOCUMENTS = fs.globSync(["README.md", "docs/*.md", "plugins/*/README.md"], { cwd: root });
const EXAMPLES = DOCUMENTS.flatMap((file) => listsOf(read(file)).map((list) => [file, list] as const));

describe("cnictl validate", () => {
  it.each(FOLDERS)("finds no error in the shipped lists of %s", (folder) => {
    expect(validate([folder]).filter(({ level }) => level === "error")).toEqual([]);
  });

  it("finds no error in any list that a document has the reader write", () => {
    expect(EXAMPLES.length).toBeGreaterThan(6);
    for (const [file, list] of EXAMPLES) {
      const found = validate([write("example.conflist", list)]);
      expect(
        found.filter(({ level }) => level === "error"),
        file,
      ).toEqual([]);
    }
  });

  it("says with line and column what ADD lets pass, and ADD says it too, on standard error", () => {
    const ipam = { type: "host-local", subnet: "10.1.0.0/16", gatway: "10.1.0.9" };
    const file = write(
      "net.conflist",
      listOf({ type: "bridge", isGatway: true, ipam }, { type: "tuning", promics: true }),
    );
    const { status, stdout } = caller.cnictl(["validate", file]);
    expect(status).toBe(1);
    const lines = stdout.split("\n").filter((line) => line.includes("error"));
    expect(lines.map((line) => line.replace(file, ""))).toEqual([
      ':1:64: error: plugins[0].isGatway: unknown key "isGatway"; did you mean "isGateway"?',
      ':1:131: error: plugins[0].ipam.gatway: unknown key "gatway"; did you mean "gateway"?',
      ':1:170: error: plugins[1].promics: unknown key "promics"; did you mean "promisc"?',
    ]);
    const netns = caller.lab.addNamespace("c1");
    const variables = { NETCONFPATH: path.dirname(file) };
    const added = caller.cnictl(["add", "net", netns], variables);
    jsonOf(added);
    const unknown = (key: string, near: string) =>
      `Key "${key}" of network "net" is unknown and ignored: did you mean "${near}"?`;
    expect(added.stderr.trim().split("\n").sort()).toEqual([
      unknown("ipam.gatway", "gateway"),
      unknown("isGatway", "isGateway"),
      unknown("promics", "promisc"),
    ]);
    for (const verb of ["check", "del"]) expect(caller.cnictl([verb, "net", netns], variables).stderr).toBe("");
  });

  it.each([
    ["bridge", { type: "bridge", mtu: "big" }],
    ["bridge", { type: "bridge", vlan: 5000 }],
    ["bridge", { type: "bridge", ipMasqBackend: "ipfw" }],
    ["host-local", { type: "bridge", ipam: { type: "host-local", subnet: "10.1.0.1/16" } }],
    ["host-local", { type: "bridge", ipam: { type: "host-local", ranges: [[{ subnett: "10.1.0.0/16" }]] } }],
    ["host-local", { type: "bridge", ipam: { type: "host-local", subnet: "10.1.0.0/16", resolvConf: "/nothing" } }],
    ["portmap", { type: "portmap", markMasqBit: 40 }],
    ["firewall", { type: "firewall", ingressPolicy: "closed" }],
    ["tuning", { type: "tuning", sysctl: { "net/../../kernel.x": "1" } }],
    ["bandwidth", { type: "bandwidth", ingressRate: 5 }],
  ])("agrees with ADD of %s about %j", (_, plugin) => {
    const plugins = plugin.type === "bridge" ? [plugin] : [{ type: "bridge" }, plugin];
    const file = write("net.conflist", listOf(...plugins));
    const found = validate([file]).filter(
      ({ level, message }) => level === "error" && !message.startsWith("unknown key"),
    );
    expect(found).toHaveLength(1);
    const netns = caller.lab.addNamespace("c1");
    const { stdout } = caller.cnictl(["add", "--json", "net", netns], { NETCONFPATH: path.dirname(file) });
    const { code, msg }: { code: number; msg: string } = JSON.parse(stdout);
    expect([{ ...found[0], path: "" }]).toMatchObject([{ code }]);
    expect(msg).toContain(found[0]?.message);
  });

  it("warns of an MTU above that of the default route's link", () => {
    const { lab } = caller;
    lab.run(["ip", "link", "add", "uplink", "mtu", "1400", "type", "veth", "peer", "name", "far"]);
    lab.run(["ip", "address", "add", "192.0.2.1/24", "dev", "uplink"]);
    lab.run(["ip", "link", "set", "uplink", "up"]);
    lab.run(["ip", "route", "add", "default", "via", "192.0.2.2"]);
    const mtuOf = (fields: object) =>
      validate([write("net.conflist", listOf({ type: "bridge", isGateway: true, ...fields }))]);
    expect(mtuOf({ mtu: 1500 })).toMatchObject([{ path: "plugins[0].mtu", level: "warning" }]);
    expect(mtuOf({})).toMatchObject([{ path: "plugins[0]", level: "warning" }]);
    expect([...mtuOf({ mtu: 1400 }), ...mtuOf({ mtu: "auto" })]).toEqual([]);
  });

  it("reads standard input, changes nothing, and needs no root for it", () => {
    const file = write("net.conflist", listOf({ type: "bridge" }));
    const before = fs.readdirSync(caller.lab.dir, { recursive: true });
    const command = `"$0" validate - < ${file} && "$0" validate ${file}`;
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    fs.chmodSync(caller.lab.dir, 0o755);
    const outcome = caller.run([...nobody, "sh", "-c", command, path.join(binDir, "cnictl")]);
    expect(outcome).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(fs.readdirSync(caller.lab.dir, { recursive: true })).toEqual(before);
  });
});
