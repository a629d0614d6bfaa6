import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { backupFile, listBackups, readBackup, saveBackup } from "../../../plugins/tuning/backup.ts";
import { removeFile } from "../../../src/steps/record-file.ts";
import { refusal } from "../host-local/refusal.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "tuning-"));
  file = backupFile(path.join(folder, "new/tuning"), { containerId: "c1", ifname: "eth0" });
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

const whole = { mac: "02:00:00:00:00:0a", promisc: false, mtu: 1500, allmulti: true, txQLen: 0 };

const ORIGIN = { network: "net1", netns: "4026532840:7", ifindex: 2 };
const NOTHING = { network: undefined, netns: undefined, ifindex: undefined };

describe("saveBackup()", () => {
  it("writes the reference's file, with the network and where it was besides, for root alone", () => {
    saveBackup(file, { settings: whole, ...ORIGIN });
    expect(file).toBe(path.join(folder, "new/tuning/c1_eth0.json"));
    expect(fs.readFileSync(file, "utf8")).toBe(
      '{\n "mac": "02:00:00:00:00:0a",\n "promisc": false,\n "mtu": 1500,\n "allmulti": true,\n "txQLen": 0,\n "network": "net1",\n "netns": "4026532840:7",\n "ifindex": 2\n}',
    );
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
  });

  it("is what readBackup() reads, and replaces what is there", () => {
    saveBackup(file, { ...NOTHING, settings: { mtu: 9000 } });
    saveBackup(file, { settings: whole, ...ORIGIN });
    expect(readBackup(file)).toEqual({ settings: whole, ...ORIGIN });
  });

  it("does not write through a link", () => {
    const other = path.join(folder, "other");
    fs.writeFileSync(other, "precious");
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.symlinkSync(other, file);
    saveBackup(file, { settings: whole, ...ORIGIN });
    expect(fs.readFileSync(other, "utf8")).toBe("precious");
    expect(fs.lstatSync(file).isFile()).toBe(true);
  });
});

describe("readBackup()", () => {
  it("reads what the reference writes", () => {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, '{\n "mac": "b6:ba:16:ff:24:37",\n "mtu": 1500,\n "txQLen": 1000\n}');
    expect(readBackup(file)).toEqual({ settings: { mac: "b6:ba:16:ff:24:37", mtu: 1500, txQLen: 1000 } });
  });

  it("finds nothing where there is no file, and no folder", () => {
    expect(readBackup(file)).toBeUndefined();
    expect(listBackups(path.dirname(file))).toEqual([]);
  });

  it.each(["", "{", "[]", '{"mac": "x"}'])("refuses %j", (text) => {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    expect(() => readBackup(file)).toThrow();
  });

  it("names the file in its refusal", () => {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, "[]");
    expect(refusal(() => readBackup(file)).message).toBe(`Cannot use ${file} []: must be an object`);
  });
});

describe("backupFile()", () => {
  const nameFor = (containerId: string, ifname = "eth0") => path.basename(backupFile(folder, { containerId, ifname }));

  it("is the reference's as long as a file can have that name, and then one of a digest, each attachment its own", () => {
    expect(nameFor("a".repeat(245))).toBe(`${"a".repeat(245)}_eth0.json`);
    const long = [
      nameFor("a".repeat(246)),
      nameFor("a".repeat(247)),
      nameFor("a".repeat(246), "eth1"),
      nameFor("b".repeat(5000)),
    ];
    expect(new Set(long).size).toBe(4);
    for (const name of long) expect(name).toMatch(/^[0-9a-f]{64}\.json$/);
  });

  it("is written, listed and removed", () => {
    const long = backupFile(folder, { containerId: "a".repeat(246), ifname: "eth0" });
    saveBackup(long, { settings: whole, network: "net1", netns: undefined, ifindex: undefined });
    expect(listBackups(folder)).toEqual([path.basename(long)]);
    expect(readBackup(long)?.network).toBe("net1");
  });
});

describe("where no file can be", () => {
  it.each([
    ["a file is in the folder's place", () => path.join(folder, "file", "x")],
    ["a link leads to itself", () => path.join(folder, "loop", "x")],
    ["the path is too long", () => path.join(folder, `${"d".repeat(256)}`)],
  ])("there is no backup, and none can be saved: %s", (_, dataDir) => {
    fs.writeFileSync(path.join(folder, "file"), "");
    fs.symlinkSync("loop", path.join(folder, "loop"));
    const impossible = backupFile(dataDir(), { containerId: "c1", ifname: "eth0" });
    expect(readBackup(impossible)).toBeUndefined();
    expect(listBackups(dataDir())).toEqual([]);
    expect(() => removeFile(impossible)).not.toThrow();
    expect(() =>
      saveBackup(impossible, { settings: whole, network: "net1", netns: undefined, ifindex: undefined }),
    ).toThrow(/^Cannot keep in ".*" how the interface was: [A-Z]/);
  });
});
