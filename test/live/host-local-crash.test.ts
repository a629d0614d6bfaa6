import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { tryFlock } from "../../src/linux/flock.ts";
import {
  addressesOf,
  filesOf,
  hostLocal,
  type Network,
  networkOf,
  removeFolders,
  startHostLocal,
} from "./host-local.ts";

afterEach(removeFolders);

/** The system calls by which host-local changes its folder; killed at one, it has made all changes before it. */
const CALLS = ["mkdir", "openat", "write", "ftruncate", "utimensat", "symlink", "link", "unlink", "rename", "rmdir"];

/** Takes the lock on the folder's records, as a process does that is stopped; returns its release. */
function holdRecords(network: Network): () => void {
  const records = path.join(network.folder, ".state/attachments");
  fs.mkdirSync(records, { recursive: true });
  const fd = fs.openSync(records, "r");
  expect(tryFlock(fd)).toBe(true);
  return () => fs.closeSync(fd);
}

/** strace that interferes with one system call, the nth of its kind. */
function strace(call: string, interference: string, nth: number): string[] {
  return [
    "strace",
    "-qq",
    "-o",
    "/dev/null",
    "-e",
    `trace=${call}`,
    "-e",
    `inject=${call}:${interference}:when=${nth}`,
  ];
}

/** A network of two sets in which another container has the first addresses. */
function occupied(): Network {
  const network = networkOf([["10.1.2.0/29"], ["2001:db8::/64"]]);
  fs.mkdirSync(network.folder);
  for (const address of ["10.1.2.2", "2001:db8::2"])
    fs.writeFileSync(path.join(network.folder, address), "other\r\neth0");
  return network;
}

const others = { "10.1.2.2": "other\r\neth0", "2001:db8::2": "other\r\neth0" };

/** What is in the folder apart from the notes of the last addresses. */
function leasesOf(network: Network): Record<string, string> {
  const files = filesOf(network);
  return Object.fromEntries(Object.entries(files).filter(([name]) => !name.startsWith("last_reserved_ip.")));
}

/** No lease is empty or torn, and the other's are as they were. */
function expectWhole(network: Network): void {
  const leases = leasesOf(network);
  const visible = Object.entries(leases).filter(([name]) => !name.startsWith("."));
  for (const [name, text] of visible) expect(["c1\r\neth0", "other\r\neth0"], name).toContain(text);
  expect(leases).toMatchObject(others);
}

/** A DEL leaves nothing, and the next ADD comes soon, with addresses that nobody has. */
async function expectRecovery(network: Network): Promise<void> {
  expectWhole(network);
  expect(await hostLocal("DEL", network)).toMatchObject({ status: 0, stdout: "" });
  expect(leasesOf(network)).toEqual(others);
  const next = await hostLocal("ADD", network, { containerId: "next" });
  expect(next.milliseconds).toBeLessThan(5000);
  const given = Object.fromEntries(addressesOf(next).map((address) => [address, "next\r\neth0"]));
  expect(leasesOf(network)).toEqual({ ...others, ...given });
  expect(Object.keys(given)).toHaveLength(2);
}

/** Kills the call at its every such system call; returns how many there were. */
async function killEach(command: string, call: string): Promise<number> {
  for (let nth = 1; ; nth += 1) {
    const network = occupied();
    if (command === "DEL") addressesOf(await hostLocal("ADD", network));
    const { signal } = await hostLocal(command, network, { wrapper: strace(call, "signal=KILL", nth) });
    if (signal !== "SIGKILL") return nth - 1;
    await expectRecovery(network);
  }
}

describe.each([["ADD"], ["DEL"]])("host-local %s killed", (command) => {
  test("at any system call leaves a state from which the next calls go on", async () => {
    const counts = await Promise.all(CALLS.map((call) => killEach(command, call)));
    const met = CALLS.filter((_call, index) => (counts[index] ?? 0) > 0);
    const essential =
      command === "ADD" ? ["mkdir", "write", "utimensat", "symlink", "link", "unlink", "rename"] : ["rename", "unlink"];
    expect(met).toEqual(expect.arrayContaining(essential));
  });
});

test("host-local ADD killed at 50 random moments leaves a state from which the next calls go on", async () => {
  const calm = await hostLocal("ADD", occupied());
  for (let round = 0; round < 50; round += 1) {
    const network = occupied();
    const { child, ended } = startHostLocal("ADD", network);
    const timer = setTimeout(() => child.kill("SIGKILL"), Math.random() * calm.milliseconds * 1.2);
    await ended;
    clearTimeout(timer);
    await expectRecovery(network);
  }
});

test("host-local gets the lock that a killed call left within 5 s, beside a stopped one, also after the clock was set back", async () => {
  for (const ahead of [1, 86_400]) {
    const network = occupied();
    const lock = path.join(network.folder, ".state/lock");
    fs.mkdirSync(lock, { recursive: true });
    fs.utimesSync(lock, Date.now() / 1000 + ahead, Date.now() / 1000 + ahead);
    const release = holdRecords(network);
    const added = await hostLocal("ADD", network);
    release();
    expect(addressesOf(added)).toEqual(["10.1.2.3", "2001:db8::3"]);
    expect(added.milliseconds).toBeLessThan(5000);
    expect(fs.existsSync(lock)).toBe(false);
  }
});

test("host-local ADD gives up after 20 s where the lock is never free, and leaves nothing", async () => {
  const network = networkOf([["10.1.2.0/24"]]);
  const lock = path.join(network.folder, ".state/lock");
  fs.mkdirSync(lock, { recursive: true });
  const refresh = setInterval(() => fs.utimesSync(lock, new Date(), new Date()), 200);
  const release = holdRecords(network);
  const refused = await hostLocal("ADD", network);
  clearInterval(refresh);
  release();
  expect(refused.status).toBe(1);
  expect(JSON.parse(refused.stdout)).toEqual({
    code: 11,
    msg: `Cannot get the lock "${lock}" within 20 s: others hold it`,
    details: "try again; if nothing else uses the network, remove that folder",
  });
  expect(refused.milliseconds).toBeGreaterThan(20_000);
  expect(refused.milliseconds).toBeLessThan(25_000);
  expect(filesOf(network)).toEqual({});
});

describe("host-local whose lock was taken from it while it was stopped", () => {
  const stop = "delay_enter=3500000";

  test("ADD: before it publishes a lease, takes another address than the one that was given out meanwhile", async () => {
    const network = networkOf([["10.1.2.0/29"]]);
    const stopped = hostLocal("ADD", network, { containerId: "slow", wrapper: strace("link", stop, 1) });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const fast = await hostLocal("ADD", network, { containerId: "fast" });
    expect(addressesOf(fast)).toEqual(["10.1.2.2"]);
    const slow = await stopped;
    expect(slow.milliseconds).toBeGreaterThan(3500);
    expect(addressesOf(slow)).toEqual(["10.1.2.3"]);
    expect(filesOf(network)).toEqual({
      "10.1.2.2": "fast\r\neth0",
      "10.1.2.3": "slow\r\neth0",
      "last_reserved_ip.0": "10.1.2.3",
    });
  });

  test("DEL: before it removes a lease, keeps the one that another has got meanwhile", async () => {
    const network = networkOf([["10.1.2.0/29"]]);
    addressesOf(await hostLocal("ADD", network, { containerId: "c1" }));
    const stopped = hostLocal("DEL", network, { containerId: "c1", wrapper: strace("rename", stop, 1) });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await hostLocal("DEL", network, { containerId: "c1" })).status).toBe(0);
    const next = await hostLocal("ADD", network, { containerId: "next", args: "IP=10.1.2.2" });
    expect(addressesOf(next)).toEqual(["10.1.2.2"]);
    const slow = await stopped;
    expect(slow.milliseconds).toBeGreaterThan(3500);
    expect(slow.status).toBe(0);
    expect(filesOf(network)).toEqual({ "10.1.2.2": "next\r\neth0", "last_reserved_ip.0": "10.1.2.2" });
  });
});
