import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { isIndexComplete, rebuildIndex } from "../../../plugins/host-local/lease-index.ts";
import { recordName } from "../../../plugins/host-local/lease-record.ts";
import { releaseLeases } from "../../../plugins/host-local/release.ts";
import { formatAddress } from "../../../src/ip/address.ts";
import { readBoot } from "../../../src/linux/boot-id.ts";
import { C1, inBook, ip, leaveLock, names, reboot, records, storeOf, write } from "./stage.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

type Stored = ReturnType<typeof storeOf>;

const isComplete = ({ folder }: Stored) => isIndexComplete(folder, readBoot());

/** A folder with another's lease and one of c1's, and a complete index of both. */
function indexed(files: Readonly<Record<string, string>> = {}): Stored {
  const store = storeOf({ "10.1.2.9": "c2\r\neth0", ...files });
  inBook(store, (book) => book.reserve(ip("10.1.2.2"), 0));
  expect(isComplete(store)).toBe(true);
  return store;
}

describe("the index", () => {
  test.each<[string, (store: Stored) => void]>([
    ["a lease of the Go plugin's is added", ({ folder }) => write(folder, "10.1.2.3", "c1\r\neth0")],
    ["a lease is removed by hand", ({ folder }) => fs.rmSync(`${folder}/10.1.2.2`)],
    ["a record is removed", ({ folder }) => fs.rmSync(`${folder}/.state/attachments/c1:eth0`)],
    ["the records are removed", ({ folder }) => fs.rmSync(`${folder}/.state/attachments`, { recursive: true })],
    ["all that is ours is removed", ({ folder }) => fs.rmSync(`${folder}/.state`, { recursive: true })],
    ["the Go plugin comes for the first time", ({ folder }) => write(folder, "lock", "")],
    ["the machine starts again", () => reboot("4eb007")],
  ])("is no longer complete when %s, and is made again by the next call", (_title, change) => {
    const store = indexed();
    change(store);
    expect(isComplete(store)).toBe(false);
    releaseLeases(store, C1, 0);
    expect(isComplete(store)).toBe(true);
    expect(Object.keys(records(store))).toEqual(["c2:eth0"]);
    expect(names(store).filter((name) => name.startsWith("10.") && name !== "10.1.2.9")).toEqual([]);
  });

  test.each<[string, string | undefined, string[]]>([
    ["names no lease that a DEL has removed since the leases were read", undefined, []],
    ["names one that somebody looks at aside, for it may come back", ".gone-1", ["c1:eth0"]],
  ])("%s", (_, aside, expected) => {
    const store = storeOf({});
    inBook(store, () => {});
    if (aside !== undefined) write(store.folder, aside, "c1\r\neth0");
    rebuildIndex(store.folder, [{ name: "10.1.2.2", text: "c1\r\neth0" }], { boot: readBoot(), isAlone: false });
    expect(Object.keys(records(store))).toEqual(expected);
  });

  test("made while there was no Go plugin is worth nothing where one has come since, whatever the date says", () => {
    const store = indexed();
    const { mtime } = fs.statSync(store.folder);
    write(store.folder, "lock", "");
    write(store.folder, "10.1.2.3", "c1\r\neth0");
    fs.utimesSync(store.folder, mtime, mtime);
    expect(isComplete(store)).toBe(false);
  });

  test("is complete beside a Go plugin's lock, until that changes something", () => {
    const store = indexed({ lock: "" });
    inBook(store, () => {});
    expect(isComplete(store)).toBe(true);
    write(store.folder, "10.1.2.3", "go\r\neth0");
    expect(isComplete(store)).toBe(false);
  });

  test("stays complete over ADDs and DELs", () => {
    const store = indexed();
    const list = vi.spyOn(fs, "readdirSync");
    releaseLeases(store, C1, 0);
    expect(isComplete(store)).toBe(true);
    inBook(store, (book) => book.reserve(ip("10.1.2.4"), 0));
    expect(isComplete(store)).toBe(true);
    expect(list.mock.calls).toEqual([]);
  });

  test("stays complete where an ADD fails", () => {
    const store = indexed();
    const act = () =>
      inBook(store, (book) => {
        book.reserve(ip("10.1.2.5"), 0);
        book.undo();
        throw new Error("as it is");
      });
    expect(act).toThrow("as it is");
    expect(isComplete(store)).toBe(true);
  });

  test("keeps what is known of an attachment when it is made again", () => {
    const store = indexed();
    const before = records(store);
    write(store.folder, "10.1.2.3", "go\r\neth0");
    inBook(store, () => {});
    expect(records(store)).toEqual({ ...before, "go:eth0": "10.1.2.3 - - -" });
  });

  test("is not trusted about an address that has become another's", () => {
    const store = indexed();
    fs.writeFileSync(path.join(store.folder, "10.1.2.2"), "c7\r\neth0");
    expect(isComplete(store)).toBe(true);
    expect(inBook(store, (book) => book.held)).toEqual([]);
    releaseLeases(store, C1, 0);
    expect(names(store)).toContain("10.1.2.2");
  });

  test.each([
    [
      "names what an ADD at work, whose lock was taken from it, has yet to take",
      { written: Date.now() / 1000, isAlone: false },
      "10.1.2.2,10.1.2.3",
    ],
    ["names leases alone if the record is old", { written: 1, isAlone: false }, "10.1.2.2"],
    ["names leases alone if no ADD is at work", { written: Date.now() / 1000, isAlone: true }, "10.1.2.2"],
  ])("%s", (_, { written, isAlone }, expected) => {
    const store = storeOf({ "10.1.2.2": "c1\r\neth0" });
    inBook(store, () => {});
    const record = `${store.folder}/.state/attachments/c1:eth0`;
    fs.rmSync(record);
    fs.symlinkSync("10.1.2.2,10.1.2.3 - - -", record);
    fs.lutimesSync(record, written, written);
    rebuildIndex(store.folder, [{ name: "10.1.2.2", text: "c1\r\neth0" }], { boot: readBoot(), isAlone });
    expect(records(store)["c1:eth0"]?.split(" ")[0]).toBe(expected);
  });

  test.each([
    ["no ADD is at work", () => {}, ["c1:eth0", "c2:eth0"]],
    ["an ADD may be at work that lost its lock", leaveLock, ["c1:eth0", "c2:eth0", "new:eth0"]],
  ])("drops a record whose lease is gone, if it is old or %s", (_, prepare, expected) => {
    const store = indexed();
    const old = path.join(store.folder, ".state/attachments/old:eth0");
    fs.symlinkSync("10.1.2.7 - - -", old);
    fs.symlinkSync("10.1.2.8 - - -", path.join(store.folder, ".state/attachments/new:eth0"));
    fs.lutimesSync(old, 1, 1);
    prepare(store.folder);
    inBook(store, () => {});
    expect(Object.keys(records(store))).toEqual(expected);
  });

  test("is not dated while an empty lease may yet be filled, or one set aside put back", () => {
    for (const name of ["10.1.2.3", ".gone-x"]) {
      const store = storeOf({});
      write(store.folder, name, "", 5);
      inBook(store, () => {});
      expect(isComplete(store)).toBe(false);
    }
  });

  test("says so where it cannot be made, and the call goes on without", () => {
    const store = storeOf({ "10.1.2.2": "c1\r\neth0" });
    vi.spyOn(fs, "symlinkSync").mockImplementation(() => {
      throw Object.assign(new Error("ENOSPC: injected"), { code: "ENOSPC" });
    });
    expect(inBook(store, (book) => book.held.map(formatAddress))).toEqual(["10.1.2.2"]);
    expect(store.logged).toEqual([`Cannot index the leases in "${store.folder}/.state": no space left on device`]);
  });
});

describe("cleared away with the index", () => {
  test.each([
    ["empty", ""],
    ["of zeros", "\0\0\0\0"],
    ["blank", " \r\n"],
  ])("is a lease that a crash left %s", (_title, text) => {
    const store = storeOf({ "10.1.2.2": text });
    inBook(store, () => {});
    expect(names(store)).toEqual([]);
    expect(store.logged).toEqual(["Reclaimed 10.1.2.2: a crash left it empty"]);
  });

  test("is not an empty lease that the Go plugin may be about to fill, nor one that it fills at the last moment", () => {
    const store = storeOf({});
    write(store.folder, "10.1.2.2", "", 5);
    write(store.folder, "10.1.2.3", "", 3600);
    const rename = fs.renameSync;
    vi.spyOn(fs, "renameSync").mockImplementation((from, to) => {
      if (String(from).endsWith(".3")) fs.writeFileSync(from, "go\r\neth0");
      rename(from, to);
    });
    inBook(store, () => {});
    expect(names(store)).toEqual(["10.1.2.2", "10.1.2.3"]);
    expect(fs.readFileSync(`${store.folder}/10.1.2.3`, "utf8")).toBe("go\r\neth0");
  });

  test("is what killed ADDs left half made", () => {
    const store = storeOf({ ".new-abc": "c2\r\neth0", ".gone-abc": "c2\r\neth0", "10.1.2.2": "c3\r\neth0" });
    fs.mkdirSync(`${store.folder}/.state/attachments`, { recursive: true });
    fs.symlinkSync("x", `${store.folder}/.state/attachments/.new-abc`);
    inBook(store, () => {});
    expect(names(store).filter((name) => name !== ".gone-abc")).toEqual(["10.1.2.2"]);
    expect(Object.keys(records(store))).toEqual(["c3:eth0"]);
  });
});

describe("recordName()", () => {
  test.each([
    ["c1\r\neth0", "c1:eth0"],
    ["c1", "c1:"],
    ["a.B_c-1\r\nnet1.5@if3", "a.B_c-1:net1.5@if3"],
    ["../x\r\neth0", "#74955d0def5a76a5cb06a3fc275c78ff4ee57c91"],
  ])("of %j is %s", (owner, expected) => {
    expect(recordName(owner)).toBe(expected);
  });

  test.each([
    ["x".repeat(300)],
    [`${"x".repeat(240)}\r\neth0`],
    [".hidden"],
    ["a b\r\neth0"],
    ["c1\r\na/b"],
    ["c1\r\na\r\nb"],
  ])("of what would be no plain name is a hash (%j)", (owner) => {
    expect(recordName(owner)).toMatch(/^#[0-9a-f]{40}$/);
  });
});
