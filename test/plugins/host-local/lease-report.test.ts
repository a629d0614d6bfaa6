import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { findLease, reportLeases } from "../../../plugins/host-local/lease-report.ts";
import { releaseLease } from "../../../plugins/host-local/release.ts";
import { C1, inBook, ip, names, reboot, records, storeOf } from "./stage.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const HOUR = 3_600_000;

/** All entries of a folder, with the times of their last change. */
function snapshot(folder: string): unknown {
  return fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => {
    const { mtimeMs, ctimeMs } = fs.lstatSync(path.join(folder, name));
    return [name, mtimeMs, ctimeMs];
  });
}

describe("reportLeases()", () => {
  test("says for each lease whose it is, who wrote it and whether its namespace exists", () => {
    const store = storeOf({ "10.1.2.9": "go\r\neth0", "10.1.2.8": "old", last_reserved_ip: "10.1.2.9" }, 60);
    reboot("aaaa", Date.now() - HOUR);
    inBook(store, (book) => book.reserve(ip("10.1.2.2"), 0), "/proc/self/ns/net");
    const { leases } = reportLeases(store.folder, 0);
    expect(
      leases.map((each) => [each.address, each.containerId, each.ifname, each.isRecorded, each.namespace]),
    ).toEqual([
      ["10.1.2.2", "c1", "eth0", true, "alive"],
      ["10.1.2.8", "old", "", false, "unknown"],
      ["10.1.2.9", "go", "eth0", false, "unknown"],
    ]);
    expect(leases.map(({ boot, reclaimable }) => [boot, reclaimable])).toEqual(Array(3).fill(["this", undefined]));
  });

  test("says which leases are of an earlier boot, and that a crash left one empty", () => {
    const store = storeOf({ "10.1.2.9": "go\r\neth0", "10.1.2.7": "\0\0" }, 7200);
    reboot("aaaa", Date.now() - HOUR);
    const { leases } = reportLeases(store.folder, 0);
    expect(leases.map((each) => [each.address, each.boot, each.namespace, each.reclaimable])).toEqual([
      ["10.1.2.7", "this", "unknown", "a crash left it empty"],
      ["10.1.2.9", "earlier", "gone", "it is from an earlier boot"],
    ]);
  });

  test("says the same by the index as by the leases", () => {
    const store = storeOf({ "10.1.2.9": "go\r\neth0" }, 60);
    reboot("aaaa", Date.now() - HOUR);
    inBook(store, (book) => [book.reserve(ip("10.1.2.2"), 0), book.reserve(ip("10.1.2.3"), 0)], "/proc/self/ns/net");
    const byIndex = reportLeases(store.folder, 0);
    fs.utimesSync(store.folder, 1, 1);
    expect(reportLeases(store.folder, 0)).toEqual(byIndex);
    expect(byIndex.leases.map(({ address, isRecorded }) => [address, isRecorded])).toEqual([
      ["10.1.2.2", true],
      ["10.1.2.3", true],
      ["10.1.2.9", false],
    ]);
  });

  test("reads links alone where the index is complete", () => {
    const store = storeOf({});
    inBook(store, (book) => book.reserve(ip("10.1.2.2"), 0), "/proc/self/ns/net");
    const opened = vi.spyOn(fs, "openSync");
    expect(reportLeases(store.folder, 0).leases).toHaveLength(1);
    expect(opened.mock.calls.filter(([file]) => String(file).startsWith(store.folder))).toEqual([]);
  });

  test("lists the addresses that rest, and records of attachments without a lease", () => {
    const store = storeOf({});
    inBook(store, (book) => [book.reserve(ip("10.1.2.2"), 0), book.reserve(ip("10.1.2.3"), 0)]);
    const [lease] = reportLeases(store.folder, 60).leases;
    expect(releaseLease(store, { name: "10.1.2.2", text: lease?.text ?? "" }, 60)).toBe(true);
    fs.symlinkSync("10.1.2.77 1 aaaa 1", path.join(store.folder, ".state/attachments/c7:eth0"));
    const report = reportLeases(store.folder, 60);
    expect([...report.resting.keys()]).toEqual(["10.1.2.2"]);
    expect(report.strayRecords).toEqual(["c7:eth0"]);
  });

  test("changes nothing, also with a long list of released addresses", () => {
    const store = storeOf({ "10.1.2.9": "go\r\neth0" });
    inBook(store, (book) => book.reserve(ip("10.1.2.2"), 0));
    fs.writeFileSync(path.join(store.folder, ".state/released"), "1000000000000 10.1.2.5\n".repeat(200));
    const before = snapshot(store.folder);
    reportLeases(store.folder, 60);
    expect(snapshot(store.folder)).toEqual(before);
  });

  test("reports a folder that does not exist as one without leases", () => {
    expect(reportLeases("/nonexistent/folder", 0)).toMatchObject({ leases: [], strayRecords: [], unreadable: [] });
  });
});

test("findLease() has one lease as the report has it, and undefined for a free address", () => {
  const store = storeOf({ "10.1.2.9": "go\r\neth0" }, 7200);
  reboot("aaaa", Date.now() - HOUR);
  expect(findLease(store.folder, "10.1.2.9")).toEqual(reportLeases(store.folder, 0).leases[0]);
  expect(findLease(store.folder, "10.1.2.8")).toBeUndefined();
});

describe("releaseLease()", () => {
  test("deletes the lease and its part of the record", () => {
    const store = storeOf({});
    inBook(store, (book) => [book.reserve(ip("10.1.2.2"), 0), book.reserve(ip("10.1.2.3"), 0)]);
    expect(releaseLease(store, { name: "10.1.2.2", text: `${C1.containerId}\r\n${C1.ifname}` }, 0)).toBe(true);
    expect(names(store).filter((name) => name.startsWith("10."))).toEqual(["10.1.2.3"]);
    expect(records(store)["c1:eth0"]).toMatch(/^10\.1\.2\.3 /);
  });

  test("leaves a lease that has become another owner's", () => {
    const store = storeOf({ "10.1.2.2": "other\r\neth0" });
    expect(releaseLease(store, { name: "10.1.2.2", text: "c1\r\neth0" }, 0)).toBe(false);
    expect(names(store)).toContain("10.1.2.2");
  });
});
