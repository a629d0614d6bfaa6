import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  holdsLease,
  type LeaseStore,
  openLeases,
  releaseAddresses,
  releaseLeases,
} from "../../../plugins/host-local/lease-store.ts";
import { type Address, formatAddress, parseAddress } from "../../../src/ip/address.ts";
import { temporaryFolder } from "./host-local.ts";
import { refusal } from "./refusal.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

function ip(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`No address: ${text}`);
  return address;
}

/** A folder with these files, older than a crash's leavings need to be unless told, seen by c1's eth0. */
function storeOf(files: Readonly<Record<string, string>>, age = 3600): LeaseStore & { readonly logged: string[] } {
  const folder = temporaryFolder();
  const then = Date.now() / 1000 - age;
  for (const [name, text] of Object.entries(files)) {
    fs.writeFileSync(path.join(folder, name), text);
    fs.utimesSync(path.join(folder, name), then, then);
  }
  const logged: string[] = [];
  return { folder, attachment: { containerId: "c1", ifname: "eth0" }, log: (line) => logged.push(line), logged };
}

function names({ folder }: LeaseStore): string[] {
  return fs.readdirSync(folder).sort();
}

describe("openLeases()", () => {
  test("finds what the attachment holds, in the order of the names, white space aside", () => {
    const store = storeOf({
      "10.1.2.9": "c1\r\neth0",
      "10.1.2.10": " c1\r\neth0\n",
      "10.1.2.11": "c1\r\neth1",
      "10.1.2.12": "c2\r\neth0",
      "2001:db8::1": "c1\r\neth0",
      notes: "c1\r\neth0",
    });
    expect(openLeases(store).held.map(formatAddress)).toEqual(["10.1.2.10", "10.1.2.9", "2001:db8::1"]);
  });

  test("reserves an address once, and notes it as the set's last", () => {
    const store = storeOf({});
    const leases = openLeases(store);
    expect(leases.reserve(ip("2001:DB8::2"), 3)).toBe(true);
    expect(leases.reserve(ip("2001:db8::2"), 3)).toBe(false);
    expect(leases.last(3)).toEqual(ip("2001:db8::2"));
    expect(leases.last(0)).toBeUndefined();
    expect(store.logged).toEqual([]);
  });

  test("does not get an address that somebody has taken since the folder was read", () => {
    const store = storeOf({});
    const leases = openLeases(store);
    fs.writeFileSync(path.join(store.folder, "10.1.2.2"), "c2\r\neth0");
    expect(leases.reserve(ip("10.1.2.2"), 0)).toBe(false);
    expect(names(store)).toEqual(["10.1.2.2"]);
  });

  test("withdraws the lease when the last address cannot be noted", () => {
    const store = storeOf({});
    const leases = openLeases(store);
    const rename = fs.renameSync;
    vi.spyOn(fs, "renameSync").mockImplementation((from, to) => {
      if (String(to).endsWith("last_reserved_ip.0"))
        throw Object.assign(new Error("ENOSPC: injected"), { code: "ENOSPC" });
      rename(from, to);
    });
    expect(refusal(() => leases.reserve(ip("10.1.2.2"), 0))).toEqual({
      code: 103,
      message: `Cannot write the lease "${store.folder}/10.1.2.2": no space left on device`,
    });
    expect(names(store)).toEqual([]);
  });

  test.each([["10.1.2.3\n"], [""], ["10.1.2"]])("takes a last address that is %j for none", (text) => {
    const store = storeOf({ "last_reserved_ip.0": text });
    expect(openLeases(store).last(0)).toBeUndefined();
    expect(store.logged).toEqual([]);
  });

  test("says so when the last address cannot be read, and goes on", () => {
    const store = storeOf({});
    fs.mkdirSync(path.join(store.folder, "last_reserved_ip.0"));
    expect(openLeases(store).last(0)).toBeUndefined();
    expect(store.logged).toHaveLength(1);
    expect(store.logged[0]).toContain("Error retrieving last reserved ip: Error: EISDIR");
  });

  test("removes what a killed ADD left half made", () => {
    const store = storeOf({ ".new-abc": "c2\r\neth0", "10.1.2.2": "c3\r\neth0" });
    openLeases(store);
    expect(names(store)).toEqual(["10.1.2.2"]);
  });

  test.each([
    ["empty", ""],
    ["of zeros", "\0\0\0\0"],
    ["blank", " \r\n"],
  ])("frees the address of a lease that a crash left %s", (_title, text) => {
    const store = storeOf({ "10.1.2.2": text });
    const leases = openLeases(store);
    expect(names(store)).toEqual([]);
    expect(store.logged).toEqual([`Removed the empty lease file "${store.folder}/10.1.2.2", which a crash had left`]);
    expect(leases.reserve(ip("10.1.2.2"), 0)).toBe(true);
  });

  test("keeps an empty lease that the Go plugin may be about to fill", () => {
    const store = storeOf({ "10.1.2.2": "" }, 5);
    expect(openLeases(store).reserve(ip("10.1.2.2"), 0)).toBe(false);
    expect(names(store)).toEqual(["10.1.2.2"]);
  });

  test("keeps an empty lease that the Go plugin fills at the last moment", () => {
    const store = storeOf({ "10.1.2.2": "" });
    const rename = fs.renameSync;
    vi.spyOn(fs, "renameSync").mockImplementation((from, to) => {
      fs.writeFileSync(path.join(store.folder, "10.1.2.2"), "go\r\neth0");
      rename(from, to);
    });
    expect(openLeases(store).reserve(ip("10.1.2.2"), 0)).toBe(false);
    expect(fs.readFileSync(path.join(store.folder, "10.1.2.2"), "utf8")).toBe("go\r\neth0");
    expect(names(store)).toEqual(["10.1.2.2"]);
  });

  test("release() gives back the attachment's lease and never another's", () => {
    const store = storeOf({ "10.1.2.2": "c2\r\neth0" });
    const leases = openLeases(store);
    leases.reserve(ip("10.1.2.3"), 0);
    leases.release(ip("10.1.2.2"));
    leases.release(ip("10.1.2.3"));
    expect(names(store)).toEqual(["10.1.2.2", "last_reserved_ip.0"]);
  });

  test("names a folder that it cannot read", () => {
    const store = { ...storeOf({}), folder: "/dev/null/mynet" };
    expect(refusal(() => openLeases(store))).toEqual({
      code: 103,
      message: 'Cannot read the folder of leases "/dev/null/mynet": not a directory',
    });
  });
});

describe("holdsLease()", () => {
  test.each([
    ["of the interface", { "10.1.2.2": "c1\r\neth0" }, true],
    ["of the container, as in old times", { "10.1.2.2": "c1" }, true],
    ["of the other interface only", { "10.1.2.2": "c1\r\neth1" }, false],
    ["in a file that is no lease", { notes: "c1\r\neth0", ".gone-x": "c1\r\neth0" }, false],
  ])("tells whether there is a lease %s", (_title, files, expected) => {
    expect(holdsLease(storeOf(files))).toBe(expected);
  });

  test("finds none where there is no folder", () => {
    expect(holdsLease({ ...storeOf({}), folder: "/nonexistent/mynet" })).toBe(false);
  });
});

describe("releaseAddresses()", () => {
  test("removes the attachment's leases of these addresses, and neither its others nor anybody else's", () => {
    const store = storeOf({ "10.1.2.2": "c1\r\neth0", "10.1.2.3": "c1\r\neth0", "10.1.2.4": "c2\r\neth0" });
    releaseAddresses(store, ["10.1.2.2", "10.1.2.4", "10.1.2.5"].map(ip));
    expect(names(store)).toEqual(["10.1.2.3", "10.1.2.4"]);
  });
});

describe("releaseLeases()", () => {
  test("removes every lease of the attachment and no other file", () => {
    const store = storeOf({
      "10.1.2.2": "c1\r\neth0\n",
      "2001:db8::2": "c1\r\neth0",
      "10.1.2.3": "c1\r\neth1",
      "10.1.2.4": "c1",
      "10.1.2.5": "c12\r\neth0",
      "10.1.2.6": "",
      "last_reserved_ip.0": "10.1.2.2",
      lock: "",
      notes: "c1\r\neth0",
    });
    releaseLeases(store);
    const left = ["10.1.2.3", "10.1.2.4", "10.1.2.5", "10.1.2.6", "last_reserved_ip.0", "lock", "notes"];
    expect(names(store)).toEqual(left);
  });

  test("removes leases that name the container alone where no other is the attachment's", () => {
    const store = storeOf({ "10.1.2.3": "c1\r\neth1", "10.1.2.4": "c1\n", "10.1.2.5": "c1" });
    releaseLeases(store);
    expect(names(store)).toEqual(["10.1.2.3"]);
  });

  test("finishes what a killed ADD and a killed DEL began", () => {
    const store = storeOf({
      ".new-a": "c1\r\neth0",
      ".new-b": "10.1.2.2",
      ".gone-c": "c1\r\neth0",
      ".gone-d": "c2\r\neth0",
    });
    releaseLeases(store);
    expect(names(store)).toEqual([".gone-d"]);
  });

  test("takes a folder that is gone for done, and does not make it", () => {
    expect(() => releaseLeases({ ...storeOf({}), folder: "/nonexistent/mynet" })).not.toThrow();
    expect(fs.existsSync("/nonexistent")).toBe(false);
  });

  test("tries all leases, then says which stayed", () => {
    const store = storeOf({ "10.1.2.2": "c1\r\neth0", "10.1.2.3": "c1\r\neth0", "10.1.2.4": "c1\r\neth0" });
    const rename = fs.renameSync;
    vi.spyOn(fs, "renameSync").mockImplementation((from, to) => {
      if (!String(from).endsWith(".3")) throw Object.assign(new Error("EROFS: injected"), { code: "EROFS" });
      rename(from, to);
    });
    vi.spyOn(fs, "unlinkSync").mockImplementation((name) => {
      if (/\.[24]$/.test(String(name))) throw Object.assign(new Error("EROFS: injected"), { code: "EROFS" });
      fs.rmSync(name);
    });
    let thrown: unknown;
    try {
      releaseLeases(store);
    } catch (error) {
      thrown = error;
    }
    expect(thrown instanceof AggregateError && thrown.errors.map((error) => error.message)).toEqual([
      `Cannot remove the lease "${store.folder}/10.1.2.2": read-only file system`,
      `Cannot remove the lease "${store.folder}/10.1.2.4": read-only file system`,
    ]);
    expect(names(store)).toEqual(["10.1.2.2", "10.1.2.4"]);
  });
});
