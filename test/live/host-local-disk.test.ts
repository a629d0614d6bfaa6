import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  addressesOf,
  type Ended,
  hostLocal,
  type Network,
  networkOf,
  removeFolders,
  temporaryFolder,
} from "./host-local.ts";

/** Runs what follows it inside the tests' own mount namespace. */
let inside: string[] = [];
let keeper: ReturnType<typeof spawn> | undefined;

beforeAll(async () => {
  keeper = spawn("unshare", ["--mount", "--propagation", "private", "sh", "-c", "echo ready; exec sleep 600"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve, reject) => {
    keeper?.stdout?.once("data", resolve);
    keeper?.once("close", () => reject(new Error("Cannot make a mount namespace: must be root")));
  });
  inside = ["nsenter", `--mount=/proc/${keeper.pid}/ns/mnt`, "--"];
});

afterAll(() => keeper?.kill("SIGKILL"));

afterEach(removeFolders);

/** Runs a command in the mount namespace; returns what it printed. */
async function run(...argv: string[]): Promise<string> {
  const [program = "", ...args] = [...inside, ...argv];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  const status = await new Promise((resolve) => child.on("close", resolve));
  if (status !== 0) throw new Error(`${argv.join(" ")} failed with ${status}`);
  return output;
}

/** A network whose data directory is a tmpfs of its own, mounted with these options. */
async function onTmpfs(options: string, sets = [["10.1.2.0/24"], ["2001:db8::/64"]]): Promise<Network> {
  const dataDir = temporaryFolder();
  await run("mount", "-t", "tmpfs", "-o", options, "tmpfs", dataDir);
  return networkOf(sets, dataDir);
}

/** Everything below the data directory, sorted. */
async function treeOf(network: Network): Promise<string[]> {
  const found = await run("find", network.dataDir, "-mindepth", "1", "-printf", "%P\\n");
  return found
    .split("\n")
    .filter((line) => line !== "")
    .sort();
}

function call(command: string, network: Network, containerId = "c1"): Promise<Ended> {
  return hostLocal(command, network, { containerId, wrapper: inside });
}

function errorOf(ended: Ended): { code: number; msg: string; details?: string } {
  expect(ended.status).toBe(1);
  return JSON.parse(ended.stdout);
}

describe("host-local on a full disk", () => {
  const full = { code: 103, details: "free some space or inodes on that file system" };

  test("ADD fails with every number of inodes that is too small, and leaves no lease", async () => {
    let inodes = 1;
    for (; inodes < 20; inodes += 1) {
      const network = await onTmpfs(`nr_inodes=${inodes}`);
      const added = await call("ADD", network);
      if (added.status === 0) break;
      const error = errorOf(added);
      expect(error).toMatchObject(full);
      expect(error.msg).toMatch(
        /^(failed to allocate for range [01]: )?Cannot (make|write) the .*: no space left on device$/,
      );
      expect((await treeOf(network)).filter((name) => !/^net(\/last_reserved_ip\.0)?$/.test(name))).toEqual([]);
    }
    expect(inodes).toBeGreaterThan(5);
    expect(inodes).toBeLessThan(20);
  });

  test("ADD fails with no room for data, and leaves no lease", async () => {
    const network = await onTmpfs("size=4096");
    await run("sh", "-c", `echo full > ${network.dataDir}/filler`);
    const msg = `failed to allocate for range 0: Cannot write the lease "${network.folder}/10.1.2.2": no space left on device`;
    expect(errorOf(await call("ADD", network))).toEqual({ ...full, msg });
    expect(await treeOf(network)).toEqual(["filler"]);
  });

  test("CHECK and DEL work, and ADD does once there is room again", async () => {
    const network = await onTmpfs("nr_inodes=40");
    addressesOf(await call("ADD", network));
    await run("sh", "-c", `i=0; while mkdir ${network.dataDir}/filler$i 2>/dev/null; do i=$((i+1)); done`);
    expect(errorOf(await call("ADD", network, "c2")).code).toBe(103);
    expect(await call("CHECK", network)).toMatchObject({ status: 0, stdout: "" });
    expect(await call("DEL", network)).toMatchObject({ status: 0, stdout: "" });
    expect(errorOf(await call("CHECK", network)).code).toBe(104);
    await run("sh", "-c", `rmdir ${network.dataDir}/filler*`);
    expect(addressesOf(await call("ADD", network, "c2"))).toEqual(["10.1.2.3", "2001:db8::3"]);
  });
});

test("host-local on a read-only file system: CHECK works, ADD and DEL say what is wrong", async () => {
  const network = await onTmpfs("size=1m");
  addressesOf(await call("ADD", network));
  await run("mount", "-o", "remount,ro", network.dataDir);
  const before = await treeOf(network);
  const details = "mount it writable, or, while no container runs, set ipam.dataDir to a writable folder";
  expect(errorOf(await call("ADD", network, "c2"))).toEqual({
    code: 103,
    msg: `failed to allocate for range 0: Cannot write the lease "${network.folder}/10.1.2.3": read-only file system`,
    details,
  });
  expect(await call("CHECK", network)).toMatchObject({ status: 0, stdout: "" });
  expect(errorOf(await call("DEL", network))).toMatchObject({ code: 103, details: `${details}; ${details}` });
  expect(
    errorOf(await call("DEL", network))
      .msg.split("; ")
      .sort(),
  ).toEqual([
    `Cannot remove the lease "${network.folder}/10.1.2.2": read-only file system`,
    `Cannot remove the lease "${network.folder}/2001:db8::2": read-only file system`,
  ]);
  expect(await call("DEL", network, "unknown")).toMatchObject({ status: 0, stdout: "" });
  expect(await treeOf(network)).toEqual(before);
});

test("host-local on a read-only file system without the network's folder", async () => {
  const network = await onTmpfs("ro");
  expect(errorOf(await call("ADD", network))).toMatchObject({
    code: 103,
    msg: `Cannot make the folder of leases "${network.folder}": read-only file system`,
  });
  expect(await call("DEL", network)).toMatchObject({ status: 0, stdout: "" });
});

test.each([["ADD"], ["CHECK"]])("host-local %s with a data directory that is a file", async (command) => {
  const file = path.join(temporaryFolder(), "file");
  fs.writeFileSync(file, "as it was");
  const network = networkOf([["10.1.2.0/24"]], file);
  const action = command === "ADD" ? "make" : "read";
  expect(errorOf(await hostLocal(command, network))).toEqual({
    code: 103,
    msg: `Cannot ${action} the folder of leases "${file}/net": not a directory`,
    details: "set ipam.dataDir to a folder, or move away the file that is in its place",
  });
  expect(fs.readFileSync(file, "utf8")).toBe("as it was");
});

test("host-local DEL with a data directory that is a file has nothing to do", async () => {
  const file = path.join(temporaryFolder(), "file");
  fs.writeFileSync(file, "as it was");
  expect(await hostLocal("DEL", networkOf([["10.1.2.0/24"]], file))).toMatchObject({ status: 0, stdout: "" });
  expect(fs.readFileSync(file, "utf8")).toBe("as it was");
});

test("host-local ADD without the right to write says so", async () => {
  const dataDir = temporaryFolder();
  fs.chownSync(dataDir, 65534, 65534);
  const network = networkOf([["10.1.2.0/24"]], dataDir);
  const wrapper = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
  expect(errorOf(await hostLocal("ADD", network, { wrapper }))).toEqual({
    code: 103,
    msg: `Cannot make the folder of leases "${network.folder}": permission denied`,
    details: "run as root, or, while no container runs, set ipam.dataDir to a writable folder",
  });
  expect(fs.readdirSync(dataDir)).toEqual([]);
});
