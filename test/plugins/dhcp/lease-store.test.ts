import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  formatLease,
  type LeaseRecord,
  leaseFolder,
  leasePath,
  listLeases,
  parseLease,
  readLeaseFile,
} from "../../../plugins/dhcp/lease-file.ts";
import { removeLease, replaceLease, saveLease } from "../../../plugins/dhcp/lease-store.ts";
import { encodeAddress } from "../../../src/ip/address.ts";
import { address, prefix } from "../../netlink/text.ts";

const RECORD: LeaseRecord = {
  ...{ network: "lan", containerId: "c1", ifname: "eth0" },
  ...{ netns: "/run/netns/c1", namespace: "4026532809:7", boot: "b1ca416b", index: 2 },
  identity: {
    mac: "02:00:00:00:00:05",
    clientId: Uint8Array.of(0, 99),
    provided: new Map([[12, Uint8Array.of(98)]]),
    requested: [1, 3],
    broadcast: true,
  },
  ...{ priority: 7, timeout: 60, prefix: prefix("10.9.0.7/24") },
  lease: {
    ...{ address: address("10.9.0.7"), server: address("10.9.0.1") },
    ...{ renewAt: 60_000, rebindAt: 105_000, expireAt: 120_000 },
    options: new Map([[3, encodeAddress(address("10.9.0.1"))]]),
  },
};

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
});

it.each([
  ["", "x"],
  ["{", "x"],
  ["{}", "network"],
  [formatLease(RECORD).replace('"index": 2', '"index": "2"'), "index"],
  [formatLease(RECORD).replace("10.9.0.7/24", "fd00::7/64"), "it has no IPv4 addresses"],
  [formatLease(RECORD).replace('"0063"', '"006"'), "hexadecimal"],
])("parseLease() refuses %j", (text, message) => {
  expect(() => parseLease(text, "x")).toThrow(message === "x" ? /./ : message);
});

describe("a lease file", () => {
  it("is written, read, replaced and removed", () => {
    const stored = saveLease(folder, RECORD);
    expect(readLeaseFile(leasePath(folder, RECORD))).toEqual(stored);
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
    expect(readLeaseFile(leasePath(folder, RECORD))).toBeUndefined();
    removeLease(folder, leasePath(folder, RECORD));
  });

  it("never follows a link in the place of its draft", () => {
    const victim = path.join(path.dirname(folder), "victim");
    fs.writeFileSync(victim, "mine");
    fs.mkdirSync(folder);
    fs.symlinkSync(victim, `${leasePath(folder, RECORD)}.new`);
    saveLease(folder, RECORD);
    expect(fs.readFileSync(victim, "utf8")).toBe("mine");
  });

  it("refuses with code 103 where a file has the folder's place", () => {
    fs.writeFileSync(folder, "");
    expect(() => saveLease(folder, RECORD)).toThrow(expect.objectContaining({ code: 103 }));
  });
});

it("leasePath() has a name for each attachment, also for a long one", () => {
  expect(leasePath("/f", RECORD)).toBe("/f/lan:c1:eth0.json");
  const long = { ...RECORD, containerId: "c".repeat(300) };
  expect(path.basename(leasePath("/f", long))).toMatch(/^[0-9a-f]{64}\.json$/);
  expect(leasePath("/f", long)).not.toBe(leasePath("/f", { ...long, ifname: "eth1" }));
});

it("leaseFolder() is beside the socket", () => {
  expect(leaseFolder("/run/cni/dhcp.sock")).toBe("/run/cni/dhcp");
  expect(leaseFolder("/x/dhcp")).toBe("/x/dhcp.leases");
});
