import fs from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { isIndexComplete, markIndexComplete } from "../../../plugins/host-local/lease-index.ts";
import { releaseAddresses, releaseLease, releaseLeases, releaseOthers } from "../../../plugins/host-local/release.ts";
import { readBoot } from "../../../src/linux/boot-id.ts";
import { C1, inBook, ip, leaveLock, names, records, storeOf, write } from "./stage.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

function messagesOf(act: () => void): string[] | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof AggregateError) return error.errors.map((each) => each.message);
    throw error;
  }
  return undefined;
}

/** Renaming works for no file but those ending in `.3`; unlinking in place neither. */
function failAllBut3(): void {
  const rename = fs.renameSync;
  vi.spyOn(fs, "renameSync").mockImplementation((from, to) => {
    if (!String(from).endsWith(".3")) throw failure("EROFS");
    rename(from, to);
  });
  vi.spyOn(fs, "unlinkSync").mockImplementation((name) => {
    if (/\.[24]$/.test(String(name))) throw failure("EROFS");
    fs.rmSync(name);
  });
}

describe("releaseLeases()", () => {
  test("removes every lease of the attachment and no other file", () => {
    const store = storeOf({
      "10.1.2.2": "c1\r\neth0\n",
      "2001:db8::2": "c1\r\neth0",
      "10.1.2.3": "c1\r\neth1",
      "10.1.2.4": "c1",
      "10.1.2.5": "c12\r\neth0",
      "last_reserved_ip.0": "10.1.2.2",
      lock: "",
      notes: "c1\r\neth0",
    });
    releaseLeases(store, C1, 0);
    expect(names(store)).toEqual(["10.1.2.3", "10.1.2.4", "10.1.2.5", "last_reserved_ip.0", "lock", "notes"]);
    expect(Object.keys(records(store))).toEqual(["c12:eth0", "c1:", "c1:eth1"]);
  });

  test("removes leases that name the container alone where no other is the attachment's", () => {
    const store = storeOf({ "10.1.2.3": "c1\r\neth1", "10.1.2.4": "c1\n", "10.1.2.5": "c1" });
    releaseLeases(store, C1, 0);
    expect(names(store)).toEqual(["10.1.2.3"]);
  });

  test("finds by the index what it removes, and reads no other lease", () => {
    const others = Array.from({ length: 50 }, (_, index) => [`10.1.3.${index}`, `other${index}\r\neth0`]);
    const store = storeOf(Object.fromEntries(others));
    inBook(store, (book) => book.reserve(ip("10.1.2.2"), 0));
    const read = vi.spyOn(fs, "readFileSync");
    const list = vi.spyOn(fs, "readdirSync");
    releaseLeases(store, C1, 0);
    expect(read.mock.calls.filter(([file]) => String(file).includes("/10.1.3."))).toEqual([]);
    expect(list.mock.calls).toEqual([]);
    expect(names(store)).toEqual([...others.map(([name]) => name).sort(), "last_reserved_ip.0"]);
  });

  test("finishes what a killed ADD and a killed DEL began", () => {
    const store = storeOf({ ".new-a": "c1\r\neth0", ".new-b": "10.1.2.2", ".gone-c": "c1\r\neth0" });
    releaseLeases(store, C1, 0);
    expect(names(store)).toEqual([]);
  });

  test("takes a folder that is gone for done, and does not make it", () => {
    const store = storeOf({});
    releaseLeases({ ...store, folder: `${store.folder}/gone/mynet` }, C1, 0);
    expect(fs.readdirSync(store.folder)).toEqual([]);
  });

  test("tries all leases, then says which stayed, and keeps them in the record", () => {
    const store = storeOf({ "10.1.2.2": "c1\r\neth0", "10.1.2.3": "c1\r\neth0", "10.1.2.4": "c1\r\neth0" });
    failAllBut3();
    expect(messagesOf(() => releaseLeases(store, C1, 0))).toEqual([
      `Cannot remove the lease "${store.folder}/10.1.2.2": read-only file system`,
      `Cannot remove the lease "${store.folder}/10.1.2.4": read-only file system`,
    ]);
    vi.restoreAllMocks();
    expect(names(store)).toEqual(["10.1.2.2", "10.1.2.4"]);
    releaseLeases(store, C1, 0);
    expect(names(store)).toEqual([]);
  });

  test("releases what it can read, and says which lease it cannot", () => {
    const store = storeOf({ "10.1.2.2": "c1\r\neth0", "10.1.2.3": "c1\r\neth0" });
    const open = fs.openSync;
    vi.spyOn(fs, "openSync").mockImplementation((file, ...rest) => {
      if (String(file).endsWith("/10.1.2.3")) throw Object.assign(failure("EIO"), { errno: -5 });
      return open(file, ...rest);
    });
    const messages = messagesOf(() => releaseLeases(store, C1, 0));
    expect(messages).toEqual([`Cannot read the lease "${store.folder}/10.1.2.3": input/output error`]);
    expect(names(store)).toEqual(["10.1.2.3"]);
  });

  test("takes a folder that cannot exist for one without leases, and says why it cannot look at another", () => {
    const store = { ...storeOf({}), folder: "/dev/null/mynet" };
    expect(() => releaseLeases(store, C1, 0)).not.toThrow();
    expect(() => releaseOthers(store, [], 0)).not.toThrow();
    vi.spyOn(fs, "readdirSync").mockImplementation(() => {
      throw failure("EACCES");
    });
    const message = 'Cannot read the folder of leases "/dev/null/mynet": permission denied';
    expect(() => releaseLeases(store, C1, 0)).toThrow(expect.objectContaining({ code: 103, message }));
  });

  test("works on all leases where it can have neither lock nor index", () => {
    const store = storeOf({ "10.1.2.2": "c1\r\neth0", "10.1.2.3": "c2\r\neth0" });
    vi.spyOn(fs, "mkdirSync").mockImplementation(() => {
      throw failure("ENOSPC");
    });
    releaseLeases(store, C1, 0);
    expect(fs.readdirSync(store.folder)).toEqual(["10.1.2.3"]);
  });
});

describe("releaseAddresses()", () => {
  test("removes the attachment's leases of these addresses, and neither its others nor anybody else's", () => {
    const store = storeOf({ "10.1.2.2": "c1\r\neth0", "10.1.2.3": "c1\r\neth0", "10.1.2.4": "c2\r\neth0" });
    releaseAddresses(store, C1, ["10.1.2.2", "10.1.2.4", "10.1.2.5"].map(ip));
    expect(names(store)).toEqual(["10.1.2.3", "10.1.2.4"]);
    expect(records(store)).toEqual({ "c1:eth0": "10.1.2.3 - - -", "c2:eth0": "10.1.2.4 - - -" });
  });
});

describe("releaseOthers()", () => {
  const files = {
    "10.1.2.2": "c1\r\neth0",
    "10.1.2.3": "c1\r\neth1\n",
    "10.1.2.4": "c2\r\neth0",
    "10.1.2.5": "c3",
    "10.1.2.6": "c1",
    "2001:db8::2": "c2\r\neth0",
    "last_reserved_ip.0": "10.1.2.6",
    lock: "",
    notes: "c9\r\neth0",
  };
  const rest = ["last_reserved_ip.0", "lock", "notes"];

  test("keeps the leases of the valid attachments, and says which it removes", () => {
    const store = storeOf(files);
    releaseOthers(store, [C1], 0);
    expect(names(store)).toEqual(["10.1.2.2", "10.1.2.6", ...rest]);
    expect(Object.keys(records(store))).toEqual(["c1:", "c1:eth0"]);
    expect([...store.logged].sort()).toEqual([
      "Removed 10.1.2.3 of container c1, interface eth1: it is not attached",
      "Removed 10.1.2.4 of container c2, interface eth0: it is not attached",
      "Removed 10.1.2.5 of container c3: it is not attached",
      "Removed 2001:db8::2 of container c2, interface eth0: it is not attached",
    ]);
  });

  test("knows a valid container by its id without white space, as its leases have it", () => {
    const store = storeOf({ "10.1.2.2": "c1", "10.1.2.3": "c2" });
    releaseOthers(store, [{ containerId: " c1 ", ifname: "eth0" }], 0);
    expect(names(store)).toEqual(["10.1.2.2"]);
  });

  test("removes all leases and nothing else where nothing is valid", () => {
    const store = storeOf(files);
    releaseOthers(store, [], 0);
    expect(names(store)).toEqual(rest);
    expect(records(store)).toEqual({});
  });

  test.each([
    ["that a killed ADD has just written", () => {}, ["c1:", "c1:eth0"]],
    ["unless an ADD at work may have written it just now", leaveLock, ["c1:", "c1:eth0", "young:eth0"]],
  ])("removes a record without a lease, %s", (_, prepare, expected) => {
    const store = storeOf(files);
    inBook(store, () => {});
    const [old, young] = ["old:eth0", "young:eth0"].map((name) => `${store.folder}/.state/attachments/${name}`);
    for (const file of [old, young]) fs.symlinkSync("10.1.2.9 - - -", file ?? "");
    const then = Date.now() / 1000 - 61;
    fs.lutimesSync(old ?? "", then, then);
    prepare(store.folder);
    releaseOthers(store, [C1], 0);
    expect(Object.keys(records(store))).toEqual(expected);
  });

  test("leaves the index complete where it has removed a record of a killed ADD", () => {
    const store = storeOf({ "10.1.2.2": "c1\r\neth0" });
    inBook(store, () => {});
    fs.symlinkSync("10.1.2.9 - - -", `${store.folder}/.state/attachments/young:eth0`);
    markIndexComplete(store.folder, false);
    releaseOthers(store, [C1], 0);
    expect(Object.keys(records(store))).toEqual(["c1:eth0"]);
    expect(isIndexComplete(store.folder, readBoot())).toBe(true);
  });

  test("keeps a lease that the Go plugin has not filled yet", () => {
    const store = storeOf({});
    write(store.folder, "10.1.2.2", "", 5);
    releaseOthers(store, [], 0);
    expect(names(store)).toEqual(["10.1.2.2"]);
  });

  test("tries all leases, then says which stayed", () => {
    const store = storeOf({ "10.1.2.2": "a\r\neth0", "10.1.2.3": "b\r\neth0", "10.1.2.4": "c\r\neth0" });
    failAllBut3();
    expect(messagesOf(() => releaseOthers(store, [], 0))).toHaveLength(2);
    expect(store.logged).toEqual(["Removed 10.1.2.3 of container b, interface eth0: it is not attached"]);
  });

  test("takes a folder that is gone for done", () => {
    const store = storeOf({});
    releaseOthers({ ...store, folder: `${store.folder}/gone/mynet` }, [], 0);
    expect(fs.readdirSync(store.folder)).toEqual([]);
  });
});

describe("releaseLease()", () => {
  const lease = { name: "10.1.2.2", text: "c1\r\neth0" };

  test("removes the lease that was looked at, and forgets it, but none of the attachment's others", () => {
    const store = storeOf({ "10.1.2.2": lease.text, "10.1.2.3": lease.text });
    expect(releaseLease(store, lease, 0)).toBe(true);
    expect(names(store)).toEqual(["10.1.2.3"]);
    expect(records(store)).toEqual({ "c1:eth0": "10.1.2.3 - - -" });
    expect(fs.existsSync(`${store.folder}/.state/released`)).toBe(false);
  });

  test("has its address rest for the network's releaseDelay", () => {
    const store = storeOf({ "10.1.2.2": lease.text });
    releaseLease(store, lease, 30);
    expect(fs.readFileSync(`${store.folder}/.state/released`, "utf8")).toMatch(/^\d{13} 10\.1\.2\.2\n$/);
  });

  test("leaves an address that another has got meanwhile, which then does not rest", () => {
    const store = storeOf({ "10.1.2.2": "c2\r\neth0" });
    expect(releaseLease(store, lease, 30)).toBe(false);
    expect(names(store)).toEqual(["10.1.2.2"]);
    expect(records(store)).toEqual({ "c2:eth0": "10.1.2.2 - - -" });
    expect(fs.existsSync(`${store.folder}/.state/released`)).toBe(false);
  });
});
