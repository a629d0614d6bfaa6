import { spawn } from "node:child_process";
import fs from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { findBootTime } from "../../../plugins/host-local/boot.ts";
import { readLeases } from "../../../plugins/host-local/lease-folder.ts";
import { findDeserted } from "../../../plugins/host-local/namespaces.ts";
import { identifyNetnsAt, isNetnsAt } from "../../../plugins/host-local/netns-identity.ts";
import { findDeadLeases, reclaimLeases } from "../../../plugins/host-local/reclaim.ts";
import { readBoot } from "../../../src/linux/boot-id.ts";
import { inBook, ip, names, reboot, records, storeOf, write } from "./stage.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const HOUR = 3_600_000;

type Stored = ReturnType<typeof storeOf>;

/** The dead among all leases, with the reason. */
function dead({ folder }: Stored): Record<string, string> {
  const found = findDeadLeases(folder, readLeases(folder, fs.readdirSync(folder)));
  return Object.fromEntries(found.map(({ name, reason }) => [name, reason]));
}

/** c1 has .2, by an ADD in a boot of the id. */
function leased(boot: string, netns: string): Stored {
  const store = storeOf({});
  reboot(boot, Date.now() - HOUR);
  inBook(store, (book) => book.reserve(ip("10.1.2.2"), 0), netns);
  return store;
}

/** An inode that no namespace has. */
function rewriteNetns({ folder }: Stored, inode: string): void {
  const link = `${folder}/.state/attachments/c1:eth0`;
  const fields = fs.readlinkSync(link).split(" ");
  fs.rmSync(link);
  fs.symlinkSync([...fields.slice(0, 3), inode, "/run/netns/nonexistent"].join(" "), link);
}

const earlier = { "10.1.2.2": "it is from an earlier boot" };
const gone = { "10.1.2.2": "its network namespace no longer exists" };

describe("findDeadLeases()", () => {
  test("finds a lease of an earlier boot, by the boot's id and whatever its date", () => {
    const store = leased("aaaa", "/proc/self/ns/net");
    expect(dead(store)).toEqual({});
    reboot("bbbb", Date.now() - HOUR);
    expect(dead(store)).toEqual(earlier);
  });

  test("keeps a lease of this boot whose namespace lives, also where its path is gone", () => {
    const store = leased("aaaa", "/proc/self/ns/net");
    rewriteNetns(store, String(fs.statSync("/proc/self/ns/net").ino));
    expect(dead(store)).toEqual({});
  });

  test("finds a lease of this boot whose namespace is nowhere", () => {
    const store = leased("aaaa", "/proc/self/ns/net");
    rewriteNetns(store, "4026999999");
    expect(dead(store)).toEqual(gone);
  });

  test("keeps it where processes cannot be looked at", () => {
    const store = leased("aaaa", "/proc/self/ns/net");
    rewriteNetns(store, "4026999999");
    const read = fs.readlinkSync;
    vi.spyOn(fs, "readlinkSync").mockImplementation((file, options) => {
      if (String(file).startsWith("/proc/")) throw Object.assign(new Error("EACCES"), { code: "EACCES" });
      return read(file, options);
    });
    expect(dead(store)).toEqual({});
  });

  test.each([["/nonexistent"], ["/etc/passwd"], [""]])(
    "keeps a lease of this boot whose namespace is unknown (%j)",
    (netns) => {
      expect(dead(leased("aaaa", netns))).toEqual({});
    },
  );

  test("keeps a lease of which nothing is known, unless it is older than this boot", () => {
    reboot("aaaa", Date.now() - HOUR);
    const store = storeOf({});
    write(store.folder, "10.1.2.2", "go\r\neth0", 2 * 3600);
    write(store.folder, "10.1.2.3", "go\r\neth1", 60);
    inBook(store, () => {});
    expect(dead(store)).toEqual(earlier);
  });

  test("does not hold against a lease what was known of another that had its name", () => {
    const store = leased("aaaa", "/proc/self/ns/net");
    write(store.folder, "10.1.2.2", "c1\r\neth0", 60);
    reboot("bbbb", Date.now() - HOUR);
    expect(dead(store)).toEqual({});
  });

  test("keeps all where neither boot nor clock can be read", () => {
    const store = leased("aaaa", "/proc/self/ns/net");
    write(store.folder, "10.1.2.3", "go\r\neth0", 99 * 3600);
    const read = fs.readFileSync;
    vi.spyOn(fs, "readFileSync").mockImplementation((file, options) => {
      if (String(file).startsWith("/proc/")) throw new Error("no /proc");
      return read(file, options);
    });
    expect([readBoot(), findBootTime(), dead(store)]).toEqual(["", undefined, {}]);
  });

  test("finds an empty lease, unless the Go plugin may be about to fill it", () => {
    const store = storeOf({});
    write(store.folder, "10.1.2.2", "\0\0", 3600);
    write(store.folder, "10.1.2.3", "", 5);
    expect(dead(store)).toEqual({ "10.1.2.2": "a crash left it empty" });
  });

  test("finds an empty lease of an earlier boot, however young", () => {
    const store = storeOf({});
    write(store.folder, "10.1.2.2", "", 5);
    reboot("bbbb", Date.now());
    expect(dead(store)).toEqual({ "10.1.2.2": "a crash left it empty" });
  });

  test("names first those that cannot come back, then the oldest", () => {
    const store = leased("bbbb", "/proc/self/ns/net");
    rewriteNetns(store, "4026999999");
    write(store.folder, "10.1.2.5", "b\r\neth0", 5 * 3600);
    write(store.folder, "10.1.2.6", "a\r\neth0", 6 * 3600);
    expect(Object.keys(dead(store))).toEqual(["10.1.2.2", "10.1.2.6", "10.1.2.5"]);
  });
});

describe("findBootTime()", () => {
  const TMPFS = 0x01021994;

  test("is the making of a file system in memory where the clock jumped ahead since", () => {
    const root = fs.statfsSync("/");
    reboot("aaaa", Date.now());
    vi.mocked(fs.statfsSync).mockImplementation(() => Object.assign(root, { type: TMPFS }));
    vi.spyOn(fs, "statSync").mockImplementation(() => Object.assign(fs.lstatSync("/"), { birthtimeMs: 86_400_000 }));
    expect(findBootTime()).toBe(86_400_000);
  });

  test.each([
    ["of a disk", 0xef53, 1000],
    ["that cannot say when it was made", TMPFS, 0],
    ["made later", TMPFS, Date.now() + HOUR],
  ])("is the kernel's where /run is a folder %s", (_, type, birthtimeMs) => {
    const counts = fs.statfsSync("/");
    reboot("aaaa", 86_400_000);
    vi.mocked(fs.statfsSync).mockImplementation(() => Object.assign(counts, { type }));
    vi.spyOn(fs, "statSync").mockImplementation(() => Object.assign(fs.lstatSync("/"), { birthtimeMs }));
    expect(findBootTime()).toBe(86_400_000);
  });

  test("is the kernel's where /run cannot be looked at", () => {
    reboot("aaaa", 86_400_000);
    vi.mocked(fs.statfsSync).mockImplementation(() => {
      throw new Error("ENOSYS");
    });
    expect(findBootTime()).toBe(86_400_000);
  });
});

describe("reclaimLeases()", () => {
  test("removes the leases and what is known of them, and says so", () => {
    const store = leased("aaaa", "");
    inBook(store, (book) => book.reserve(ip("10.1.2.3"), 0));
    const log: string[] = [];
    const [first] = readLeases(store.folder, ["10.1.2.2"]);
    const count = first && reclaimLeases(store.folder, [{ ...first, reason: "so it is" }], (line) => log.push(line));
    expect([count, names(store)]).toEqual([1, ["10.1.2.3", "last_reserved_ip.0"]]);
    expect(log).toEqual(["Reclaimed 10.1.2.2 of container c1, interface eth0: so it is"]);
    expect(records(store)["c1:eth0"]).toMatch(/^10\.1\.2\.3 /);
  });

  test("leaves a lease that has become another's meanwhile", () => {
    const store = storeOf({ "10.1.2.2": "c2\r\neth0" });
    const stale = { name: "10.1.2.2", text: "c1\r\neth0", reason: "" };
    expect(reclaimLeases(store.folder, [stale], () => {})).toBe(0);
    expect(names(store)).toEqual(["10.1.2.2"]);
  });

  test("stops after 256", () => {
    const store = storeOf(
      Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`10.1.${n >> 8}.${n & 255}`, "x"])),
    );
    const all = readLeases(store.folder, fs.readdirSync(store.folder)).map((lease) => ({ ...lease, reason: "" }));
    expect(reclaimLeases(store.folder, all, () => {})).toBe(256);
    expect(names(store)).toHaveLength(44);
  });
});

describe("findDeserted()", () => {
  const nobody = { deserted: new Set(), gone: new Set() };
  const own = identifyNetnsAt("/proc/self/ns/net");
  const [inode = ""] = own.split(":");

  test("finds no living one gone, and one that nobody has", () => {
    const never = new Set(["4026999999"]);
    expect(findDeserted([own, inode, "4026999999"])).toEqual({ deserted: never, gone: never });
    expect(findDeserted([])).toEqual(nobody);
  });

  test("finds one gone whose inode another namespace has, if it can compare cookies", () => {
    const other = `${inode}:999999999`;
    // Without the right to enter a namespace, and before Linux 5.14, nobody knows.
    const earlier = new Set(own === inode ? [] : [other]);
    expect(findDeserted([own, other])).toEqual({ deserted: earlier, gone: earlier });
  });

  test("identifyNetnsAt() tells namespaces from files", () => {
    expect(own).toMatch(/^\d{10}(:\d+)?$/);
    const others = ["/etc/passwd", "/nonexistent", ""];
    expect(others.map(identifyNetnsAt)).toEqual(["", "", ""]);
    expect(others.map((path) => isNetnsAt(path, own))).toEqual([undefined, undefined, undefined]);
    expect([own, inode].map((each) => isNetnsAt("/proc/self/ns/net", each))).toEqual([true, true]);
  });

  test("passes over a process that ends while it looks", async () => {
    const child = spawn("sleep", ["60"]);
    const read = fs.readdirSync;
    vi.spyOn(fs, "readdirSync").mockImplementation((...args: Parameters<typeof read>) => {
      const found = read(...args);
      if (args[0] === "/proc") found.push("99999999" as never);
      return found;
    });
    expect(findDeserted([own])).toEqual(nobody);
    child.kill();
  });
});
