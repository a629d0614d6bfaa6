import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findLongHolders } from "../../../src/cnictl/doctor/held-lock.ts";
import { lockCheck } from "../../../src/cnictl/doctor/locks.ts";
import { tryBytes } from "../../../src/linux/byte-lock.ts";
import { type FlockKind, tryFlock } from "../../../src/linux/flock.ts";
import { makeWorld, type World } from "../../runtime/world.ts";
import { examinationOf, networkOf, wrong } from "./examinee.ts";
import { inventoryOf } from "./inventory.ts";

/** How long a lock must be kept here, in ms. */
const LONG = 50;

let world: World;
let opened: number[];

beforeEach(() => {
  world = makeWorld();
  opened = [];
});
afterEach(() => {
  for (const fd of opened) fs.closeSync(fd);
  world.dispose();
});

/** Makes a file and keeps it open for reading and writing. */
function open(name: string): { readonly file: string; readonly fd: number } {
  world.write(name, "");
  const file = path.join(world.directory, name);
  const fd = fs.openSync(file, "r+");
  opened.push(fd);
  return { file, fd };
}

const OWN = { pid: String(process.pid), name: expect.any(String) };

test.each<[FlockKind, FlockKind, boolean]>([
  ["exclusive", "exclusive", true],
  ["exclusive", "shared", true],
  ["shared", "exclusive", true],
  ["shared", "shared", false],
])("findLongHolders() of a lock that is %s, for a call that takes it %s: %s", (kind, how, isFound) => {
  const { file, fd } = open("lock");
  tryFlock(fd, kind);
  expect(findLongHolders({ file, how }, LONG)).toEqual(isFound ? [OWN] : undefined);
});

test("findLongHolders() finds who holds bytes, and not who has the file open or holds the other kind of lock", () => {
  const { file, fd } = open("lock");
  expect(findLongHolders({ file, how: "bytes" }, LONG)).toBe(undefined);
  tryBytes(fd, { kind: "exclusive", start: 5, length: 1 });
  expect(findLongHolders({ file, how: "bytes" }, LONG)).toEqual([OWN]);
  expect(findLongHolders({ file, how: "exclusive" }, LONG)).toBe(undefined);
});

test("findLongHolders() keeps no lock, and creates no file", () => {
  const { file, fd } = open("lock");
  expect(findLongHolders({ file, how: "exclusive" })).toBe(undefined);
  expect(tryFlock(fd)).toBe(true);
  const missing = path.join(world.directory, "missing");
  expect(findLongHolders({ file: missing, how: "exclusive" })).toBe(undefined);
  expect(fs.existsSync(missing)).toBe(false);
});

test("locks of host-local that somebody keeps are found, and CHECK is not asked for then", () => {
  const folder = path.join(world.directory, "net");
  const leases = { network: "x", folder, releaseDelay: 0, pools: undefined, leases: [], resting: new Map() };
  const inventory = () => inventoryOf({ folders: [{ ...leases, strayRecords: [], unreadable: [] }] });
  const xtables = { XTABLES_LOCKFILE: path.join(world.directory, "none") };
  const examined = examinationOf([networkOf({ plugins: [{ type: "bridge" }] })], { inventory });
  const examination = { ...examined, edge: { ...examined.edge, environment: xtables } };
  const ofNetwork = () => wrong(lockCheck.run(examination)).filter((line) => line.includes(" x: "));
  expect(ofNetwork()).toEqual([]);
  const { file, fd } = open("net/lock");
  tryFlock(fd);
  expect(ofNetwork()).toEqual([
    expect.stringMatching(
      new RegExp(
        `^error x: ${file} is held by PID ${process.pid} \\(.+\\): each ADD waits up to 20 s \\| end process ${process.pid} if it is not a CNI call: kill ${process.pid}$`,
      ),
    ),
  ]);
  expect([...examination.locked]).toEqual([["x", file]]);
});
