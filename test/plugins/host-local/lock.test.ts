import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { makeFolder, withLock } from "../../../plugins/host-local/lock.ts";
import { CniError } from "../../../src/cni/error.ts";
import { tryFlock } from "../../../src/linux/flock.ts";
import { temporaryFolder } from "./host-local.ts";
import { refusal } from "./refusal.ts";

/** Time in ms that the call took. */
function timed(act: () => void): number {
  const started = performance.now();
  act();
  return performance.now() - started;
}

/** A lock on the records, as another process that is stopped holds it. */
function holdRecords(folder: string): number {
  makeFolder(`${folder}/.state/attachments`);
  const fd = fs.openSync(`${folder}/.state/attachments`, "r");
  if (!tryFlock(fd)) throw new Error("Cannot hold the lock");
  held.push(fd);
  return fd;
}

const held: number[] = [];
afterEach(() => {
  for (const fd of held.splice(0)) fs.closeSync(fd);
});

/** A lock of proper-lockfile's as another process left it, dated `ahead` ms from now. */
function leaveLock(folder: string, ahead: number): string {
  const lock = path.join(folder, ".state/lock");
  const then = (Date.now() + ahead) / 1000;
  fs.mkdirSync(lock, { recursive: true });
  fs.utimesSync(lock, then, then);
  return lock;
}

describe("withLock()", () => {
  test("holds the lock while the work goes on, and then leaves nothing", () => {
    const folder = temporaryFolder();
    const other = () => refusal(() => withLock(folder, 0, () => "never")).code;
    expect(withLock(folder, 1000, other)).toBe(11);
    expect(withLock(folder, 1000, () => "done")).toBe("done");
    expect(fs.readdirSync(`${folder}/.state`)).toEqual(["attachments"]);
  });

  test("goes on after 2 s beside a holder that is stopped, and others wait for it meanwhile", () => {
    const folder = temporaryFolder();
    holdRecords(folder);
    const took = timed(() => {
      expect(withLock(folder, 10_000, () => fs.readdirSync(`${folder}/.state`))).toEqual(["attachments", "lock"]);
    });
    expect(took).toBeGreaterThan(2000);
    expect(took).toBeLessThan(4500);
    expect(fs.readdirSync(`${folder}/.state`)).toEqual(["attachments"]);
  });

  test("does not wait for what an older version, killed, left behind", () => {
    const folder = temporaryFolder();
    leaveLock(folder, 1000);
    expect(timed(() => withLock(folder, 5000, () => "done"))).toBeLessThan(500);
  });

  test("leaves nothing when the work throws", () => {
    const folder = temporaryFolder();
    const act = () =>
      withLock(folder, 1000, () => {
        throw new CniError("internal", "as it is");
      });
    expect(refusal(act)).toEqual({ code: 999, message: "as it is" });
    expect(fs.readdirSync(`${folder}/.state`)).toEqual(["attachments"]);
  });

  test("makes the folder where somebody has removed it", () => {
    const folder = path.join(temporaryFolder(), "a/b");
    expect(withLock(folder, 1000, () => "done")).toBe("done");
    expect(fs.readdirSync(`${folder}/.state`)).toEqual(["attachments"]);
  });

  test("gives up after its patience, and says whose fault it is and what to do", () => {
    const folder = temporaryFolder();
    holdRecords(folder);
    const lock = `${folder}/.state/lock`;
    const took = timed(() => {
      expect(refusal(() => withLock(folder, 300, () => "never"))).toEqual({
        code: 11,
        message: `Cannot get the lock "${lock}" within 0.3 s: others hold it`,
      });
    });
    expect(took).toBeGreaterThan(300);
    expect(took).toBeLessThan(1000);
    expect(fs.readdirSync(`${folder}/.state`)).toEqual(["attachments"]);
  });

  test("takes over after 2 s what a process killed long ago left, beside a holder that is stopped", () => {
    const folder = temporaryFolder();
    holdRecords(folder);
    leaveLock(folder, -60_000);
    expect(timed(() => withLock(folder, 5000, () => "done"))).toBeLessThan(2500);
    expect(fs.readdirSync(`${folder}/.state`)).toEqual(["attachments"]);
  });

  test.each([
    ["now", 1000],
    ["in an hour, by a clock that was set back since", 3_600_000],
  ])("takes over within 5 s what a process left that was killed %s", (_title, ahead) => {
    const folder = temporaryFolder();
    holdRecords(folder);
    leaveLock(folder, ahead);
    expect(timed(() => withLock(folder, 20_000, () => "done"))).toBeLessThan(4500);
    expect(fs.readdirSync(`${folder}/.state`)).toEqual(["attachments"]);
  });

  test("says what is wrong with what cannot have a lock", () => {
    expect(refusal(() => withLock("/dev/null", 1000, () => "never"))).toEqual({
      code: 103,
      message: 'Cannot make the folder of leases "/dev/null/.state/attachments": not a directory',
    });
  });
});

describe("makeFolder()", () => {
  test("makes it and those above it, and returns the first", () => {
    const top = temporaryFolder();
    expect(makeFolder(path.join(top, "a/b"))).toBe(path.join(top, "a"));
    expect(makeFolder(path.join(top, "a/b"))).toBeUndefined();
  });

  test.each([
    ["not a directory", "file/net"],
    ["a file is in its place", "nowhere"],
  ])("says so where %s", (found, name) => {
    const top = temporaryFolder();
    fs.writeFileSync(path.join(top, "file"), "");
    fs.symlinkSync("/nonexistent/folder", path.join(top, "nowhere"));
    expect(refusal(() => makeFolder(path.join(top, name)))).toEqual({
      code: 103,
      message: `Cannot make the folder of leases "${top}/${name}": ${found}`,
    });
  });
});
