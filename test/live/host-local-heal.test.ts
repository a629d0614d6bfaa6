import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import {
  addressesOf,
  filesOf,
  hostLocal,
  type Network,
  networkOf,
  removeFolders,
  temporaryFolder,
} from "./host-local.ts";

const names: string[] = [];
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const name of names.splice(0)) {
    if (fs.existsSync(`/run/netns/${name}`)) execFileSync("ip", ["netns", "del", name]);
  }
  removeFolders();
});

/** A new network namespace; returns its path. */
function addNetns(): string {
  const name = `heal${process.pid}${randomBytes(3).toString("hex")}`;
  execFileSync("ip", ["netns", "add", name]);
  names.push(name);
  return `/run/netns/${name}`;
}

/** Undefined if the namespace has been deleted. */
function inodeOf(name: string): number | undefined {
  return fs.statSync(`/run/netns/${name}`, { throwIfNoEntry: false })?.ino;
}

function deleteNetns(netns: string): void {
  execFileSync("ip", ["netns", "del", path.basename(netns)]);
}

/** Starts a process and waits until it has said that it runs. */
async function start(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, [...args], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  await new Promise((resolve, reject) => {
    child.stdout.once("data", resolve);
    child.once("close", () => reject(new Error(`${program} ended`)));
  });
}

/** A network with room for so many, each with a lease and a namespace of its own; returns the namespaces. */
async function fill(network: Network, count: number): Promise<string[]> {
  const all = Array.from({ length: count }, addNetns);
  for (const [index, netns] of all.entries()) {
    addressesOf(await hostLocal("ADD", network, { containerId: `c${index}`, netns }));
  }
  return all;
}

/**
 * Runs host-local until it succeeds, for a minute at most: a program of another test that copied the mounts while a namespace was mounted keeps
 * it as long as it runs.
 */
async function untilSuccess(...call: Parameters<typeof hostLocal>): ReturnType<typeof hostLocal> {
  for (const deadline = Date.now() + 60_000; ; await sleep(250)) {
    const ended = await hostLocal(...call);
    if (ended.status === 0 || Date.now() > deadline) return ended;
  }
}

const small = () => networkOf([["10.1.2.0/29"]]);

test("host-local ADD reclaims leases whose namespaces are nowhere, and none that lives in any way", async () => {
  const network = small();
  const [mounted = "", inhabited = "", opened = "", elsewhere = "", gone = ""] = await fill(network, 5);
  await start("nsenter", [`--net=${inhabited}`, "sh", "-c", "echo ready; exec sleep 600"]);
  await start("sh", ["-c", `exec 9<${opened}; echo ready; exec sleep 600`]);
  const file = path.join(temporaryFolder(), "netns");
  fs.writeFileSync(file, "");
  await start("unshare", [
    "--mount",
    "--propagation=private",
    "sh",
    "-c",
    `mount --bind ${elsewhere} ${file} && echo ready && exec sleep 600`,
  ]);
  for (const netns of [inhabited, opened, elsewhere, gone]) deleteNetns(netns);

  const added = await untilSuccess("ADD", network, { containerId: "new", netns: mounted });
  expect(addressesOf(added)).toEqual(["10.1.2.6"]);
  expect(added.stderr).toBe(
    "Reclaimed 10.1.2.6 of container c4, interface eth0: its network namespace no longer exists\n",
  );
  const refused = await hostLocal("ADD", network, { containerId: "one-too-many", netns: mounted });
  expect(JSON.parse(refused.stdout)).toEqual({
    code: 100,
    msg: "failed to allocate for range 0: no IP addresses available in range set: 10.1.2.1-10.1.2.6",
    details: "5 leased, 0 of them reclaimable, 0 resting, 0 excluded",
  });
});

test("host-local ADD reclaims the lease of a namespace whose inode a later namespace has", async () => {
  const network = small();
  const [first = "", ...living] = await fill(network, 5);
  const inode = fs.statSync(first).ino;
  deleteNetns(first);
  // The kernel gives the lowest free number to the next namespace, here or in another test.
  const later = addNetns();
  for (let tries = 0; tries < 20 && !names.some((name) => inodeOf(name) === inode); tries++) addNetns();
  const added = await untilSuccess("ADD", network, { containerId: "new", netns: later });
  expect(addressesOf(added)).toEqual(["10.1.2.2"]);
  expect(added.stderr).toBe(
    "Reclaimed 10.1.2.2 of container c0, interface eth0: its network namespace no longer exists\n",
  );
  expect(living).toHaveLength(4);
});

test("host-local STATUS tells of an address that can be reclaimed, and then of none", async () => {
  const network = small();
  const [first = "", ...rest] = await fill(network, 5);
  const full = await hostLocal("STATUS", network);
  const counts = "no free address in range set 0 (10.1.2.1-10.1.2.6): 5 leased";
  expect(JSON.parse(full.stdout)).toEqual({
    code: 50,
    msg: `${counts}, 0 of them reclaimable, 0 resting, 0 excluded`,
    details: "delete containers, add ranges to the set, or release orphans, which `cnictl leases` lists",
  });
  deleteNetns(first);
  const short = await untilSuccess("STATUS", network);
  expect(short).toMatchObject({ status: 0, stdout: "" });
  expect(short.stderr).toBe(`${counts}, 1 of them reclaimable, 0 resting, 0 excluded\n`);
  expect(rest).toHaveLength(4);
});

test("host-local ADD after a reboot gives the same container its address back, and the dead's once nothing else is free", async () => {
  const network = small();
  const netns = addNetns();
  const bootId = path.join(temporaryFolder(), "boot_id");
  /** Runs host-local where the kernel's boot id reads otherwise. */
  const wrapper = (id: string) => {
    fs.writeFileSync(bootId, `${id}-0000-4000-8000-000000000000\n`);
    const mount = `mount --bind ${bootId} /proc/sys/kernel/random/boot_id && exec "$0"`;
    return ["unshare", "--mount", "--propagation=private", "sh", "-c", mount];
  };
  const add = (containerId: string, boot: string) =>
    hostLocal("ADD", network, { containerId, netns, wrapper: wrapper(boot) });
  for (const containerId of ["a", "b", "c"]) addressesOf(await add(containerId, "00000001"));
  expect(addressesOf(await add("d", "00000002"))).toEqual(["10.1.2.5"]);
  expect(addressesOf(await add("b", "00000002"))).toEqual(["10.1.2.3"]);
  expect(JSON.parse((await add("b", "00000002")).stdout)).toEqual({
    code: 102,
    msg: "failed to allocate for range 0: 10.1.2.3 has been allocated to b, duplicate allocation is not allowed",
  });
  expect(addressesOf(await add("e", "00000002"))).toEqual(["10.1.2.6"]);
  const reclaiming = await add("f", "00000002");
  expect(addressesOf(reclaiming)).toEqual(["10.1.2.2"]);
  expect(reclaiming.stderr.trim().split("\n").sort()).toEqual([
    "Reclaimed 10.1.2.2 of container a, interface eth0: it is from an earlier boot",
    "Reclaimed 10.1.2.4 of container c, interface eth0: it is from an earlier boot",
  ]);
  expect(filesOf(network)).toEqual({
    "10.1.2.2": "f\r\neth0",
    "10.1.2.3": "b\r\neth0",
    "10.1.2.5": "d\r\neth0",
    "10.1.2.6": "e\r\neth0",
    "last_reserved_ip.0": "10.1.2.2",
  });
});

test("host-local keeps what it knows where nobody reads it: a network's files are the leases and no more", async () => {
  const network = small();
  const netns = addNetns();
  addressesOf(await hostLocal("ADD", network, { containerId: "c1", netns }));
  const link = fs.readlinkSync(path.join(network.folder, ".state/attachments/c1:eth0")).split(" ");
  const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);
  const time = String(Math.round(fs.statSync(path.join(network.folder, "10.1.2.2")).mtimeMs));
  expect(link).toEqual(["10.1.2.2", time, boot, expect.stringMatching(`^${fs.statSync(netns).ino}(:\\d+)?$`)]);
  const found = execFileSync("find", [network.folder, "-type", "f", "-printf", "%P "], { encoding: "utf8" });
  expect(found.trim().split(" ").sort()).toEqual(["10.1.2.2", "last_reserved_ip.0"]);
});
