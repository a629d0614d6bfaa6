import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { isIndexComplete } from "../../../plugins/host-local/lease-index.ts";
import { identifyNetnsAt } from "../../../plugins/host-local/netns-identity.ts";
import { formatAddress } from "../../../src/ip/address.ts";
import { readBoot } from "../../../src/linux/boot-id.ts";
import { refusal } from "./refusal.ts";
import { inBook, ip, names, reboot, records, storeOf, write } from "./stage.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

describe("openBook()", () => {
  test("finds what the attachment holds, in the order of the names, white space aside", () => {
    const store = storeOf({
      "10.1.2.9": "c1\r\neth0",
      "10.1.2.10": " c1\r\neth0\n",
      "10.1.2.11": "c1\r\neth1",
      "10.1.2.12": "c2\r\neth0",
      "2001:db8::1": "c1\r\neth0",
      notes: "c1\r\neth0",
    });
    const held = () => inBook(store, (book) => book.held.map(formatAddress));
    expect(held()).toEqual(["10.1.2.10", "10.1.2.9", "2001:db8::1"]);
    expect(held()).toEqual(["10.1.2.10", "10.1.2.9", "2001:db8::1"]);
  });

  test("finds leases that name the container alone where no other is the attachment's", () => {
    const store = storeOf({ "10.1.2.3": "c1\r\neth1", "10.1.2.4": "c1\n" });
    const held = () => inBook(store, (book) => book.held.map(formatAddress));
    expect([held(), held()]).toEqual([["10.1.2.4"], ["10.1.2.4"]]);
  });

  test("reserves an address once, and notes it as the set's last", () => {
    const store = storeOf({});
    inBook(store, (book) => {
      expect(book.reserve(ip("2001:DB8::2"), 3)).toBe(true);
      expect(book.reserve(ip("2001:db8::2"), 3)).toBe(false);
      expect(book.last(3)).toEqual(ip("2001:db8::2"));
      expect(book.last(0)).toBeUndefined();
    });
    expect(store.logged).toEqual([]);
    expect(names(store)).toEqual(["2001:db8::2", "last_reserved_ip.3"]);
  });

  test("does not note an address beside the ranges", () => {
    const store = storeOf({});
    inBook(store, (book) => expect(book.reserve(ip("10.1.2.9"), undefined)).toBe(true));
    expect(names(store)).toEqual(["10.1.2.9"]);
  });

  test("keeps what is known of the attachment beside the lease, which is dated alike", () => {
    const store = storeOf({});
    const netns = identifyNetnsAt("/proc/self/ns/net");
    reboot("b0071d");
    inBook(
      store,
      (book) => {
        book.reserve(ip("10.1.2.2"), 0);
        book.reserve(ip("2001:db8::2"), 1);
      },
      "/proc/self/ns/net",
    );
    const dates = ["10.1.2.2", "2001:db8::2"].map((name) => Math.round(fs.statSync(`${store.folder}/${name}`).mtimeMs));
    expect(dates[0]).toBe(dates[1]);
    expect(records(store)).toEqual({
      "c1:eth0": `10.1.2.2,2001:db8::2 ${dates[0]} b0071d00 ${netns}`,
    });
  });

  test("does not get an address that somebody has taken in this very moment", () => {
    const store = storeOf({});
    const link = fs.linkSync;
    vi.spyOn(fs, "linkSync").mockImplementation((from, to) => {
      if (!fs.existsSync(to)) fs.writeFileSync(to, "c2\r\neth0");
      link(from, to);
    });
    expect(inBook(store, (book) => book.reserve(ip("10.1.2.2"), 0))).toBe(false);
    expect(fs.readFileSync(`${store.folder}/10.1.2.2`, "utf8")).toBe("c2\r\neth0");
    expect(names(store)).toEqual(["10.1.2.2"]);
  });

  test("looks at names one by one, and reads the folder once many are taken", () => {
    const taken = Array.from({ length: 400 }, (_, index) => [`10.1.${index >> 8}.${index & 255}`, "c2\r\neth0"]);
    const store = storeOf(Object.fromEntries(taken));
    inBook(store, () => {});
    const exists = vi.spyOn(fs, "existsSync");
    inBook(store, (book) => {
      exists.mockClear();
      expect(taken.some(([name]) => book.reserve(ip(name ?? ""), 0))).toBe(false);
    });
    expect(exists.mock.calls.length).toBeLessThan(250);
  });

  test("undo() withdraws the lease when the last address cannot be noted", () => {
    const store = storeOf({});
    const open = fs.openSync;
    vi.spyOn(fs, "openSync").mockImplementation((file, flags, mode) => {
      if (String(file).endsWith("last_reserved_ip.0") && flags !== "r") throw failure("ENOSPC");
      return open(file, flags, mode);
    });
    inBook(store, (book) => {
      expect(refusal(() => book.reserve(ip("10.1.2.2"), 0))).toEqual({
        code: 103,
        message: `Cannot write "${store.folder}/last_reserved_ip.0": no space left on device`,
      });
      book.undo();
    });
    expect([names(store), records(store)]).toEqual([[], {}]);
  });

  test("undo() gives back what was reserved, never another's, and puts back what was known", () => {
    const store = storeOf({ "10.1.2.9": "c1\r\neth0" });
    inBook(store, () => {});
    const before = records(store);
    inBook(store, (book) => {
      book.reserve(ip("10.1.2.2"), 0);
      book.reserve(ip("10.1.2.3"), 0);
      write(store.folder, "10.1.2.3", "c2\r\neth0");
      book.undo();
    });
    expect(names(store)).toEqual(["10.1.2.3", "10.1.2.9", "last_reserved_ip.0"]);
    expect(records(store)).toEqual(before);
  });

  test("undo() goes back the way it came: what was changed twice is as it was before the first time", () => {
    const store = storeOf({ "10.1.2.2": "c1\r\neth0" });
    const dateOf = () => fs.statSync(`${store.folder}/10.1.2.2`).mtimeMs;
    const before = dateOf();
    inBook(store, (book) => {
      book.renew(ip("10.1.2.2"), 0);
      expect(dateOf()).toBeGreaterThan(before);
      book.renew(ip("10.1.2.2"), 0);
      book.undo();
    });
    expect(dateOf()).toBeCloseTo(before, 0);
  });

  test("undo() puts back the record when all leases are given back: a crash before leaves what names them", () => {
    const store = storeOf({});
    const steps: string[] = [];
    inBook(store, (book) => {
      book.reserve(ip("10.1.2.2"), 0);
      book.reserve(ip("10.1.2.3"), 0);
      const [unlink, rename] = [fs.unlinkSync, fs.renameSync];
      const nameOf = (file: fs.PathLike) =>
        String(file).includes("attachments") ? "record" : path.basename(String(file));
      vi.spyOn(fs, "renameSync").mockImplementation((from, to) => {
        steps.push(nameOf(from));
        rename(from, to);
      });
      vi.spyOn(fs, "unlinkSync").mockImplementation((file) => {
        steps.push(nameOf(file));
        unlink(file);
      });
      book.undo();
    });
    const first = (name: string) => steps.indexOf(name);
    expect(first("10.1.2.3")).toBeLessThan(first("10.1.2.2"));
    expect(first("10.1.2.2")).toBeLessThan(first("record"));
    expect([names(store), records(store)]).toEqual([["last_reserved_ip.0"], {}]);
  });

  test("undo() says what it cannot give back, and gives back the rest", () => {
    const store = storeOf({});
    inBook(store, (book) => {
      book.reserve(ip("10.1.2.2"), 0);
      book.reserve(ip("10.1.2.3"), 0);
      const rename = fs.renameSync;
      vi.spyOn(fs, "renameSync").mockImplementation((from, to) => {
        if (String(from).endsWith(".3")) throw failure("EIO");
        rename(from, to);
      });
      vi.spyOn(fs, "unlinkSync").mockImplementation((file) => {
        if (String(file).endsWith(".3")) throw failure("EIO");
        fs.rmSync(file);
      });
      book.undo();
    });
    expect(names(store)).toEqual(["10.1.2.3", "last_reserved_ip.0"]);
    expect(store.logged).toEqual([`Cannot remove the lease "${store.folder}/10.1.2.3": input/output error`]);
    vi.restoreAllMocks();
    expect(isIndexComplete(store.folder, readBoot())).toBe(false);
    expect(inBook(store, (book) => book.held.map(formatAddress))).toEqual(["10.1.2.3"]);
  });

  test("reserves also where no record can be written, and then reads all leases", () => {
    const store = storeOf({});
    vi.spyOn(fs, "symlinkSync").mockImplementation(() => {
      throw failure("EPERM");
    });
    expect(inBook(store, (book) => book.reserve(ip("10.1.2.2"), 0))).toBe(true);
    expect(inBook(store, (book) => book.held.map(formatAddress))).toEqual(["10.1.2.2"]);
    expect(records(store)).toEqual({});
  });

  test.each([["10.1.2.3\n"], [""], ["10.1.2"]])("takes a last address that is %j for none", (text) => {
    const store = storeOf({ "last_reserved_ip.0": text });
    expect(inBook(store, (book) => book.last(0))).toBeUndefined();
    expect(store.logged).toEqual([]);
  });

  test("says so when the last address cannot be read, and goes on", () => {
    const store = storeOf({});
    fs.mkdirSync(path.join(store.folder, "last_reserved_ip.0"));
    expect(inBook(store, (book) => book.last(0))).toBeUndefined();
    expect(store.logged).toHaveLength(1);
    expect(store.logged[0]).toContain("Error retrieving last reserved ip: Error: EISDIR");
  });
});

describe("renew()", () => {
  test("makes a lease of an earlier boot one of this, and undo() makes it an old one again", () => {
    const store = storeOf({});
    reboot("aaaa", Date.now() - 10_000);
    inBook(store, (book) => book.reserve(ip("10.1.2.2"), 0), "/proc/self/ns/net");
    const before = records(store);
    reboot("bbbb", Date.now() - 5000);
    const outlived = () => inBook(store, (book) => book.isOutlived(ip("10.1.2.2")));
    inBook(store, (book) => {
      expect(book.isOutlived(ip("10.1.2.2"))).toBe(true);
      book.renew(ip("10.1.2.2"), 0);
      book.undo();
    });
    expect([outlived(), records(store)]).toEqual([true, before]);
    inBook(store, (book) => book.renew(ip("10.1.2.2"), 0));
    expect(outlived()).toBe(false);
    expect(records(store)["c1:eth0"]).toMatch(/^10\.1\.2\.2 \d{13} bbbb0000 -$/);
    expect(fs.readFileSync(`${store.folder}/10.1.2.2`, "utf8")).toBe("c1\r\neth0");
  });
});
