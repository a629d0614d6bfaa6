import fs from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Call, Lab, type Outcome } from "../lab.ts";
import { errorOf, leaseFiles, type Traces, tracesOf } from "./traces.ts";

let lab: Lab;
let netns: string;
let before: Traces;

beforeAll(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  before = tracesOf(lab, [netns]);
});

afterEach(() => lab.clear());

afterAll(() => lab.dispose());

function config(dataDir = lab.dataDir): Record<string, unknown> {
  const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]];
  const members = { bridge: "br0", isGateway: true, ipMasq: true, ipam: { type: "host-local", dataDir, ranges } };
  return { cniVersion: "1.1.0", name: "net1", type: "bridge", ...members };
}

function run(command: string, call: Partial<Call> = {}): Outcome {
  return lab.plugin("bridge", { command, config: config(), netns, ...call });
}

/** Runs the call in a mount namespace of its own, in which the script's mounts are; afterwards lists the data directory. */
function mounted(script: string): string[] {
  const after = `"$0"; code=$?; find "${lab.dataDir}" -type f >"${lab.dir}/found"; exit $code`;
  return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", `${script}\nset +e\n${after}`];
}

/** Files that the last such call left in its data directory. */
function found(): string[] {
  return fs.readFileSync(`${lab.dir}/found`, "utf8").split("\n").filter(Boolean);
}

describe("a data directory", () => {
  test("that is a file: ADD says so, and DEL has nothing to do", () => {
    fs.writeFileSync(`${lab.dir}/file`, "as it was");
    const wrong = config(`${lab.dir}/file`);
    const details = "set ipam.dataDir to a folder, or move away the file that is in its place";
    expect(errorOf(run("ADD", { config: wrong }))).toEqual({
      code: 103,
      msg: `Cannot make the folder of leases "${lab.dir}/file/net1": not a directory`,
      details,
    });
    expect(run("DEL", { config: wrong })).toMatchObject({ status: 0, stdout: "" });
    expect(tracesOf(lab, [netns])).toEqual(before);
    expect(fs.readFileSync(`${lab.dir}/file`, "utf8")).toBe("as it was");
  });

  test("that is read-only: ADD leaves nothing; DEL takes away all but the lease, and that one later", () => {
    fs.mkdirSync(lab.dataDir);
    const readOnly = mounted(
      `mount --bind "${lab.dataDir}" "${lab.dataDir}"; mount -o remount,ro,bind "${lab.dataDir}"`,
    );
    expect(errorOf(run("ADD", { wrapper: readOnly }))).toEqual({
      code: 103,
      msg: `Cannot make the folder of leases "${lab.dataDir}/net1": read-only file system`,
      details: "mount it writable, or, while no container runs, set ipam.dataDir to a writable folder",
    });
    expect(tracesOf(lab, [netns])).toEqual(before);

    expect(run("ADD")).toMatchObject({ status: 0, stderr: "" });
    expect(errorOf(run("DEL", { wrapper: readOnly })).code).toBe(103);
    expect(lab.ip("link show type veth")).toEqual([]);
    expect(leaseFiles(lab)).toEqual(["net1/10.1.2.2", "net1/fd00:1::2"]);
    expect(run("DEL")).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(leaseFiles(lab)).toEqual([]);
  });

  test("that is full at any point: ADD leaves nothing", () => {
    fs.mkdirSync(lab.dataDir);
    let inodes = 1;
    for (; inodes < 20; inodes += 1) {
      const wrapper = mounted(`mount -t tmpfs -o nr_inodes=${inodes} tmpfs "${lab.dataDir}"`);
      const outcome = run("ADD", { wrapper });
      if (outcome.status === 0) break;
      expect(errorOf(outcome)).toMatchObject({
        code: 103,
        msg: expect.stringMatching(/: no space left on device$/),
        details: "free some space or inodes on that file system",
      });
      expect(found().filter((name) => !name.includes("last_reserved_ip"))).toEqual([]);
      expect(tracesOf(lab, [netns])).toEqual(before);
    }
    expect(inodes).toBeGreaterThan(5);
    expect(inodes).toBeLessThan(20);
  });

  test("without room for data: ADD leaves nothing", () => {
    fs.mkdirSync(lab.dataDir);
    const fill = `mount -t tmpfs -o size=4096 tmpfs "${lab.dataDir}"; echo full >"${lab.dataDir}/filler"`;
    const error = errorOf(run("ADD", { wrapper: mounted(fill) }));
    expect(error).toMatchObject({ code: 103, msg: expect.stringMatching(/: no space left on device$/) });
    expect(found()).toEqual([`${lab.dataDir}/filler`]);
    expect(tracesOf(lab, [netns])).toEqual(before);
  });
});

describe("CNI_NETNS", () => {
  const notOne = (path: string) => ({
    code: 8,
    msg: expect.stringMatching(
      new RegExp(`^Cannot open netns "${path}": not a network namespace \\(file system type 0x[0-9a-f]+\\)$`),
    ),
  });

  test.each<[string, (path: string) => void, (path: string) => object]>([
    ["missing", () => {}, (path) => ({ code: 8, msg: `Cannot open netns "${path}": No such file or directory` })],
    ["a plain file", (path) => fs.writeFileSync(path, ""), notOne],
    ["a folder", (path) => fs.mkdirSync(path), notOne],
    ["a pipe that nobody writes to", (path) => lab.run(["mkfifo", path]), notOne],
    [
      "below a file",
      (path) => fs.writeFileSync(path.replace(/\/netns$/, ""), ""),
      (path) => ({ code: 8, msg: `Cannot open netns "${path}": Not a directory` }),
    ],
  ])("%s: ADD and CHECK say so and leave nothing, DEL succeeds", (title, prepare, expected) => {
    const path = title === "below a file" ? `${lab.dir}/some/netns` : `${lab.dir}/netns`;
    prepare(path);
    expect(errorOf(run("ADD", { netns: path }))).toEqual(expected(path));
    expect(errorOf(run("CHECK", { netns: path, config: { ...config(), prevResult: {} } })).code).toBe(8);
    expect(run("DEL", { netns: path })).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(tracesOf(lab, [netns])).toEqual(before);
    fs.rmSync(path, { recursive: true, force: true });
  });

  test("a namespace of another kind: ADD says so and leaves nothing, DEL succeeds", () => {
    const path = "/proc/self/ns/mnt";
    expect(errorOf(run("ADD", { netns: path }))).toMatchObject({
      code: 8,
      msg: expect.stringMatching(/^Cannot enter netns "mnt:\[\d+\]": Invalid argument$/),
    });
    expect(run("DEL", { netns: path })).toMatchObject({ status: 0, stdout: "" });
    expect(tracesOf(lab, [netns])).toEqual(before);
  });

  test("the host's own: ADD is refused in one document, before anything is touched, and DEL touches nothing", () => {
    for (const path of [lab.host, "/proc/self/ns/net", "/proc/thread-self/ns/net"]) {
      expect(run("DEL", { netns: path })).toMatchObject({ status: 0, stdout: "", stderr: "" });
      expect(errorOf(run("ADD", { netns: path }))).toEqual({
        code: 8,
        msg: "plugin's netns and netns from CNI_NETNS should not be the same",
      });
    }
    expect(tracesOf(lab, [netns])).toEqual(before);
  });

  test.each(["1", "true", "TRUE"])("the host's own, with CNI_NETNS_OVERRIDE=%s: ADD and DEL work", (override) => {
    const call = { netns: lab.host, environment: { CNI_NETNS_OVERRIDE: override } };
    expect(run("ADD", call)).toMatchObject({ status: 0, stderr: "" });
    expect(
      lab
        .ip("link show")
        .map((link) => Object(link).ifname)
        .sort(),
    ).toEqual(["br0", "eth0", "lo", expect.stringMatching(/^veth/)]);
    expect(run("DEL", call)).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(lab.ip("link show").map((link) => Object(link).ifname)).toEqual(["lo", "br0"]);
    expect(leaseFiles(lab)).toEqual([]);
  });

  test.each(["0", "yes", "on"])("CNI_NETNS_OVERRIDE=%s overrides nothing", (override) => {
    const call = { netns: lab.host, environment: { CNI_NETNS_OVERRIDE: override } };
    expect(errorOf(run("ADD", call)).code).toBe(8);
    expect(tracesOf(lab, [netns])).toEqual(before);
  });
});
