import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { leaseFolder, leasePath, listLeases, readLeaseFile } from "../../../plugins/dhcp/lease-file.ts";
import { formatLease, parseLease } from "../../../plugins/dhcp/lease-record.ts";
import { removeLease, replaceLease, saveLease } from "../../../plugins/dhcp/lease-store.ts";
import { RECORD, RECORD6 } from "./records.ts";

let folder: string;
const said: string[] = [];
const log = (line: string) => void said.push(line);

beforeEach(() => {
  folder = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "leases-")), "dhcp");
  said.length = 0;
});

afterEach(() => fs.rmSync(path.dirname(folder), { recursive: true }));

it("parseLease() reads what formatLease() writes, also of a lease for ever", () => {
  expect(parseLease(formatLease(RECORD), "x")).toEqual(RECORD);
  const times = { renewAt: Infinity, rebindAt: Infinity, expireAt: Infinity };
  const forEver = { ...RECORD, priority: undefined, lease: { ...RECORD.lease, ...times } };
  expect(parseLease(formatLease(forEver), "x")).toEqual(forEver);
  expect(parseLease(formatLease(RECORD6), "x")).toEqual(RECORD6);
  const forEver6 = { ...RECORD6, lease: { ...RECORD6.lease, ...times, preferUntil: Infinity } };
  expect(parseLease(formatLease(forEver6), "x")).toEqual(forEver6);
});

it.each([
  ["", "x"],
  ["{", "x"],
  ["{}", "network"],
  [formatLease(RECORD).replace('"index": 2', '"index": "2"'), "index"],
  [formatLease(RECORD).replace("10.9.0.7/24", "fd00::7/64"), "it has no IPv4 addresses"],
  [formatLease(RECORD).replace('"0063"', '"006"'), "hexadecimal"],
  [formatLease(RECORD6).replace("fd00::7/128", "10.9.0.7/32"), "it has no IPv6 address"],
  [formatLease(RECORD6).replace('"iaid": 4275878552', '"iaid": 4294967296'), "iaid"],
])("parseLease() refuses %j", (text, message) => {
  expect(() => parseLease(text, "x")).toThrow(message === "x" ? /./ : message);
});

describe("a lease file", () => {
  it("is written, read, replaced and removed", () => {
    const stored = saveLease(folder, RECORD);
    expect(readLeaseFile(leasePath(folder, RECORD, 4))).toEqual(stored);
    const newer = { ...RECORD, lease: { ...RECORD.lease, expireAt: 500_000 } };
    expect(replaceLease(folder, stored, newer)?.record).toEqual(newer);
    expect(listLeases(folder, log).map(({ record }) => record)).toEqual([newer]);
    // What another call has written meanwhile stays.
    expect(replaceLease(folder, stored, RECORD)).toBeUndefined();
    removeLease(folder, stored.path);
    removeLease(folder, stored.path);
    expect(replaceLease(folder, stored, RECORD)).toBeUndefined();
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it("is left out and named where it is broken, and a draft is no lease", () => {
    saveLease(folder, RECORD);
    fs.writeFileSync(path.join(folder, "a.json"), "{");
    fs.writeFileSync(path.join(folder, "b.json.new"), "{");
    expect(listLeases(folder, log)).toHaveLength(1);
    expect(said).toEqual([expect.stringContaining(`Cannot read the lease in ${folder}/a.json`)]);
  });

  it("is none where the folder is missing", () => {
    expect(listLeases(folder, log)).toEqual([]);
    expect(readLeaseFile(leasePath(folder, RECORD, 4))).toBeUndefined();
    removeLease(folder, leasePath(folder, RECORD, 4));
  });

  it("never follows a link in the place of its draft", () => {
    const victim = path.join(path.dirname(folder), "victim");
    fs.writeFileSync(victim, "mine");
    fs.mkdirSync(folder);
    fs.symlinkSync(victim, `${leasePath(folder, RECORD, 4)}.new`);
    saveLease(folder, RECORD);
    expect(fs.readFileSync(victim, "utf8")).toBe("mine");
  });

  it("refuses with code 103 where a file has the folder's place", () => {
    fs.writeFileSync(folder, "");
    expect(() => saveLease(folder, RECORD)).toThrow(expect.objectContaining({ code: 103 }));
  });
});

it("leasePath() has a name for each attachment, also for a long one", () => {
  expect(leasePath("/f", RECORD, 4)).toBe("/f/lan:c1:eth0.json");
  expect(leasePath("/f", RECORD, 6)).toBe("/f/lan:c1:eth0:ipv6.json");
  const long = { ...RECORD, containerId: "c".repeat(300) };
  expect(path.basename(leasePath("/f", long, 4))).toMatch(/^[0-9a-f]{64}\.json$/);
  expect(leasePath("/f", long, 4)).not.toBe(leasePath("/f", long, 6));
  expect(leasePath("/f", long, 4)).not.toBe(leasePath("/f", { ...long, ifname: "eth1" }, 4));
});

it("leaseFolder() is beside the socket", () => {
  expect(leaseFolder("/run/cni/dhcp.sock")).toBe("/run/cni/dhcp");
  expect(leaseFolder("/x/dhcp")).toBe("/x/dhcp.leases");
});
