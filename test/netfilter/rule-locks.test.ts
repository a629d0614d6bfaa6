import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type ByteLock, tryBytes } from "../../src/linux/byte-lock.ts";
import { networkKey, ownerKey } from "../../src/netfilter/owner.ts";
import { awaitRestores, EVERY_BYTE, holdRestores, holdTurn, rulesLockFile } from "../../src/netfilter/rule-locks.ts";
import { libc } from "../../src/platform/libc.ts";

const one = { network: "unit-test", ifname: "eth0", containerId: "one" };
const two = { ...one, containerId: "two" };

/** The bytes of network "unit-test", whose key is 6fd94d501e58f0aa-. Calls of other versions lock the same ones. */
const NETWORK = { start: 0x6fd9 * 0x10000 * 4, length: 0x10000 * 4 };
/** The first of four bytes of attachments "one" and "two": the second halves of their keys begin with 287f and d750. */
const [ONE, TWO] = [NETWORK.start + 0x287f * 4, NETWORK.start + 0xd750 * 4];
/** The byte after those of all networks. */
const TURN = 0x10000 * NETWORK.length;

let folder: string;
let environment: { XTABLES_LOCKFILE: string };
/** The descriptors that are open. */
let opened: Set<number>;
/** The time in ms, which only pauses take. */
let now: number;
let atPause: () => void;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "rule-locks-"));
  environment = { XTABLES_LOCKFILE: path.join(folder, "lock") };
  opened = new Set();
  now = 0;
  atPause = () => {};
  const { openSync, closeSync } = fs;
  vi.spyOn(fs, "openSync").mockImplementation((file, ...rest) => {
    const fd = openSync(file === "/run/xtables.lock" ? environment.XTABLES_LOCKFILE : file, ...rest);
    opened.add(fd);
    return fd;
  });
  vi.spyOn(fs, "closeSync").mockImplementation((fd) => {
    opened.delete(fd);
    closeSync(fd);
  });
  vi.spyOn(performance, "now").mockImplementation(() => now);
  vi.spyOn(libc().functions, "poll").mockImplementation((_fds, _count, timeout) => {
    now += timeout;
    atPause();
    return 0;
  });
});

afterEach(() => {
  for (const fd of opened) fs.closeSync(fd);
  vi.restoreAllMocks();
  fs.rmSync(folder, { recursive: true });
});

/** Locks bytes as another process does. Returns what releases them; undefined if they are not free. */
function lock(lock: ByteLock): (() => void) | undefined {
  const fd = fs.openSync(environment.XTABLES_LOCKFILE, "a+");
  const release = () => fs.closeSync(fd);
  if (tryBytes(fd, lock) === "taken") return release;
  release();
  return undefined;
}

const lockByte = (start: number) => lock({ kind: "exclusive", start, length: 1 });

/** Whether a byte is locked. */
function isLocked(start: number): boolean {
  const release = lockByte(start);
  release?.();
  return release === undefined;
}

describe("holdRestores()", () => {
  test.each([0, 1, 2, 3])("locks byte %i of each attachment until the descriptor is closed", (which) => {
    const fd = holdRestores([one, two, one], which, { environment });
    const bytes = [ONE, TWO].flatMap((first) => [-1, 0, 1, 2, 3, 4].map((at) => first + at));
    expect(bytes.filter(isLocked)).toEqual([ONE + which, TWO + which]);
    fs.closeSync(fd ?? -1);
    expect(bytes.filter(isLocked)).toEqual([]);
  });

  test("does without a byte that stays locked for 100 ms", () => {
    lockByte(ONE);
    expect(holdRestores([one, two], 0, { environment })).toBeDefined();
    expect(isLocked(TWO)).toBe(true);
    expect(now).toBeGreaterThan(100);
    expect(now).toBeLessThan(150);
  });

  test("opens nothing if all stay locked", () => {
    lockByte(ONE);
    expect(holdRestores([one], 0, { environment })).toBeUndefined();
    expect(opened.size).toBe(1);
  });

  test("makes the lock file for root alone, and does without it where it cannot be", () => {
    holdRestores([one], 0, { environment });
    expect(fs.statSync(environment.XTABLES_LOCKFILE).mode & 0o777).toBe(0o600);
    expect(holdRestores([one], 0, { environment: { XTABLES_LOCKFILE: "/nowhere/lock" } })).toBeUndefined();
  });

  test("throws what is no error of the system", () => {
    expect(() => holdRestores([one], 0, { environment: { XTABLES_LOCKFILE: "a\0b" } })).toThrow("null bytes");
  });
});

describe("awaitRestores()", () => {
  const last = NETWORK.start + NETWORK.length - 1;

  test.each([
    { what: "an attachment", key: ownerKey(one), bytes: [ONE, ONE + 3], others: [ONE - 1, ONE + 4] },
    {
      what: "a network",
      key: networkKey("unit-test"),
      bytes: [NETWORK.start, ONE, last],
      others: [NETWORK.start - 1, last + 1],
    },
  ])("waits 35 seconds for the commands of $what, and for no others", ({ key, bytes, others }) => {
    for (const byte of others) lockByte(byte);
    expect([awaitRestores(key, environment), now]).toEqual([true, 0]);
    for (const byte of bytes) {
      now = 0;
      const release = lockByte(byte);
      expect(awaitRestores(key, environment)).toBe(false);
      expect(now).toBeGreaterThan(35_000);
      expect(now).toBeLessThan(36_000);
      release?.();
    }
  });

  test("goes on as soon as the command has ended", () => {
    const release = lockByte(ONE);
    atPause = () => now > 1000 && release?.();
    expect(awaitRestores(ownerKey(one), environment)).toBe(true);
    expect(now).toBeLessThan(2000);
  });

  test("lets others wait at the same time, and keeps nothing", () => {
    lock(EVERY_BYTE);
    expect(awaitRestores(ownerKey(one), environment)).toBe(true);
    expect(opened.size).toBe(1);
  });

  test("has nothing to wait for without a lock file, and makes none", () => {
    expect(awaitRestores(ownerKey(one), environment)).toBe(true);
    expect(fs.existsSync(environment.XTABLES_LOCKFILE)).toBe(false);
  });
});

test("holdTurn() is for one call at a time, and waits for it as long as it is told", () => {
  const turn = holdTurn(0);
  expect(isLocked(TURN)).toBe(true);
  expect([holdTurn(50), opened.size]).toEqual([undefined, 1]);
  expect(now).toBeGreaterThan(50);
  expect(now).toBeLessThan(100);
  fs.closeSync(turn ?? -1);
  expect(holdTurn(0)).toBeDefined();
});

test.each([
  { byte: 0, isFree: false },
  { byte: TURN, isFree: false },
  { byte: TURN + 1, isFree: true },
])("EVERY_BYTE is free while byte $byte is locked: $isFree", ({ byte, isFree }) => {
  lockByte(byte);
  expect(lock(EVERY_BYTE) !== undefined).toBe(isFree);
});

test("rulesLockFile() is that of iptables", () => {
  const files = [{}, { XTABLES_LOCKFILE: "" }, { XTABLES_LOCKFILE: "/run/my.lock" }].map(rulesLockFile);
  expect(files).toEqual(["/run/xtables.lock", "/run/xtables.lock", "/run/my.lock"]);
});
