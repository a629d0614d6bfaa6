import fs from "node:fs";
import { expect, test } from "vitest";
import { type OpenFolder, withFolder, withOpenFolder } from "../../../plugins/host-local/exclusive.ts";
import { isIndexComplete } from "../../../plugins/host-local/lease-index.ts";
import { readBoot } from "../../../src/linux/boot-id.ts";
import { tryFlock } from "../../../src/linux/flock.ts";
import { storeOf } from "./stage.ts";

const PATIENCE = 1000;

/** Work that fails, and how often it was done. */
function failingWork() {
  const done: OpenFolder[] = [];
  const act = (open: OpenFolder) => {
    done.push(open);
    throw new Error("the work failed");
  };
  return { done, act };
}

test("withFolder() does work that fails once: not again without the lock", () => {
  const store = storeOf({ "10.1.2.2": "c1\r\neth0" });
  const { done, act } = failingWork();
  expect(() => withFolder(store, PATIENCE, act)).toThrow("the work failed");
  expect(done).toHaveLength(1);
});

test("withFolder() does work that fails once where the index is complete, too", () => {
  const store = storeOf({});
  withOpenFolder(store, PATIENCE, () => {});
  expect(isIndexComplete(store.folder, readBoot())).toBe(true);
  const { done, act } = failingWork();
  expect(() => withFolder(store, PATIENCE, act)).toThrow("the work failed");
  expect(done).toHaveLength(1);
});

test("withFolder() does without the lock where it is not to be had", () => {
  const store = { ...storeOf({}), folder: "/proc/none" };
  const indexes: string[] = [];
  withFolder(store, 10, ({ index }) => indexes.push(index));
  expect(indexes).toEqual(["none"]);
});

test("withOpenFolder() marks the index complete also where the work fails, unless a record could not be written", () => {
  const store = storeOf({});
  const { act } = failingWork();
  expect(() => withOpenFolder(store, PATIENCE, act)).toThrow("the work failed");
  expect(isIndexComplete(store.folder, readBoot())).toBe(true);
  const spoilt = storeOf({});
  withOpenFolder(spoilt, PATIENCE, ({ spoilIndex }) => spoilIndex());
  expect(isIndexComplete(spoilt.folder, readBoot())).toBe(false);
});

test("withOpenFolder() beside a stopped call is not alone, and leaves the index to be read again", () => {
  const store = storeOf({ "10.1.2.2": "c1\r\neth0" });
  const alone: boolean[] = [];
  const act = ({ isAlone }: OpenFolder) => alone.push(isAlone());
  withOpenFolder(store, PATIENCE, act);
  const fd = fs.openSync(`${store.folder}/.state/attachments`, "r");
  try {
    expect(tryFlock(fd)).toBe(true);
    fs.writeFileSync(`${store.folder}/10.1.2.3`, "c2\r\neth0");
    withOpenFolder(store, 5000, act);
    expect(isIndexComplete(store.folder, readBoot())).toBe(false);
  } finally {
    fs.closeSync(fd);
  }
  withOpenFolder(store, PATIENCE, act);
  expect(isIndexComplete(store.folder, readBoot())).toBe(true);
  expect(alone).toEqual([true, false, true]);
});

test("withOpenFolder() records the wait for its lock, which ends before the work, or with the error", () => {
  const events: unknown[] = [];
  const awaitLock = (action: string) => {
    events.push(action);
    return (error?: unknown) => events.push(error);
  };
  const store = { ...storeOf({}), awaitLock };
  withOpenFolder(store, PATIENCE, () => events.push("work"));
  expect(events).toEqual([`lock the leases in "${store.folder}"`, undefined, "work"]);
  expect(() => withOpenFolder({ ...store, folder: "/proc/none" }, 10, () => {})).toThrow();
  expect(events.slice(3)).toEqual(['lock the leases in "/proc/none"', expect.any(Error)]);
});

test.each([["withFolder()", withFolder] as const, ["withOpenFolder()", withOpenFolder] as const])(
  "%s waits once for the Go plugin's lock, says that it goes on without, and reads all leases",
  (_, run) => {
    const { folder } = storeOf({ lock: "" });
    const fd = fs.openSync(`${folder}/lock`, "r");
    try {
      expect(tryFlock(fd)).toBe(true);
      const said: string[] = [];
      const waits: unknown[] = [];
      const store = {
        folder,
        log: (line: string) => said.push(line),
        awaitLock: () => (end: unknown) => waits.push(end),
      };
      expect(run(store, 30, ({ index }) => index)).toBe("none");
      const line = `Going on without the lock "${folder}/lock": another process has held it for 0.03 s`;
      expect(said).toEqual([line]);
      expect(waits).toEqual([new Error(line), undefined]);
    } finally {
      fs.closeSync(fd);
    }
  },
);
