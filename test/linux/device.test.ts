import fs from "node:fs";
import { describe, expect, test } from "vitest";
import {
  findAuxiliaryLink,
  findDriver,
  findPathLink,
  findPciAddress,
  findPciLink,
  hasAuxiliaryDevice,
  hasPciDevice,
  isDevicePath,
  isPciAddress,
} from "../../src/linux/device.ts";

/** Names that would lead out of their folder. */
const ESCAPES = ["..", ".", "", "../devices", "a/b", "x\0y", "/etc"];

describe("isPciAddress()", () => {
  test.each(["0000:3b:00.1", "10000:00:1f.7"])("takes %s", (text) => expect(isPciAddress(text)).toBe(true));
  test.each([...ESCAPES, "3b:00.1", "0000:3B:00.1", "0000:3b:00.8", "0000:3b:00.1/net", "0000:3b:00.1\n"])(
    "refuses %j",
    (text) => expect(isPciAddress(text)).toBe(false),
  );
});

test.each(ESCAPES)("no function follows %j", (text) => {
  expect([hasPciDevice(text), hasAuxiliaryDevice(text)]).toEqual([false, false]);
  expect([findPciLink(text), findAuxiliaryLink(text), findDriver(text)]).toEqual([undefined, undefined, undefined]);
  expect([findPciAddress("pci", text), findPciAddress("virtio", text)]).toEqual([undefined, undefined]);
});

test("isDevicePath() takes what is below /sys/devices, and nothing that leads out of it", () => {
  expect(isDevicePath("/sys/devices/pci0000:00/0000:00:03.0")).toBe(true);
  const others = ["/sys/devices", "/sys/devices/../class", "sys/devices/x", "/opt/x", "/sys/devices/x\0", ""];
  expect(others.filter(isDevicePath)).toEqual([]);
});

test("findPathLink() finds no link of a device that has none, or is not there", () => {
  expect(findPathLink("/sys/devices/system")).toBeUndefined();
  expect(findPathLink("/sys/devices/none")).toBeUndefined();
});

test("hasPciDevice() and findDriver() say what /sys says", () => {
  const folder = "/sys/bus/pci/devices";
  for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
    expect(hasPciDevice(name)).toBe(true);
    expect(findDriver(name) !== undefined).toBe(fs.existsSync(`${folder}/${name}/driver`));
  }
  expect(hasPciDevice("0000:ff:1f.7")).toBe(false);
});

test("findPciAddress() takes the name of a device of the bus pci, and none of another bus", () => {
  expect(findPciAddress("pci", "0000:3b:00.1")).toBe("0000:3b:00.1");
  expect(findPciAddress("usb", "1-1:1.0")).toBeUndefined();
  expect(findPciAddress(undefined, undefined)).toBeUndefined();
});
