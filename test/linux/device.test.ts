import fs from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
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

import { FakeTree } from "./fake-tree.ts";

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

describe("a machine", () => {
  const DEVICE = "/sys/devices/pci0000:00/0000:00:03.0";
  let sys: FakeTree;

  beforeEach(() => {
    sys = new FakeTree("/sys");
    // A card of virtio, one with two links, one without a driver, and a part of one.
    sys.folder(`${DEVICE}/virtio0/net/eth1`);
    sys.folder(`${DEVICE}/virtio0/net/eth0`);
    sys.link("/sys/bus/pci/devices/0000:00:03.0", "../../../devices/pci0000:00/0000:00:03.0");
    sys.link("/sys/bus/virtio/devices/virtio0", "../../../devices/pci0000:00/0000:00:03.0/virtio0");
    sys.folder("/sys/bus/pci/devices/0000:3b:00.1/net/ens2f1");
    sys.link("/sys/bus/pci/devices/0000:3b:00.1/driver", "../../../../bus/pci/drivers/mlx5_core");
    sys.folder("/sys/bus/pci/devices/0000:3b:00.2/vir/net/none");
    sys.folder("/sys/bus/auxiliary/devices/mlx5_core.sf.4/net/enp1s0f0s4");
  });

  afterEach(() => {
    vi.restoreAllMocks();
    sys.delete();
  });

  test("hasPciDevice() and hasAuxiliaryDevice() know what is on their bus", () => {
    expect(["0000:3b:00.1", "0000:3b:00.3"].map(hasPciDevice)).toEqual([true, false]);
    expect(["mlx5_core.sf.4", "mlx5_core.sf.5"].map(hasAuxiliaryDevice)).toEqual([true, false]);
  });

  test("findPciLink() finds the first link of a device, or of its virtio device", () => {
    const devices = ["0000:3b:00.1", "0000:00:03.0", "0000:3b:00.2", "0000:3b:00.3"];
    expect(devices.map(findPciLink)).toEqual(["ens2f1", "eth0", undefined, undefined]);
  });

  test("findAuxiliaryLink() finds the link of a part of a card", () => {
    expect(["mlx5_core.sf.4", "mlx5_core.sf.5"].map(findAuxiliaryLink)).toEqual(["enp1s0f0s4", undefined]);
  });

  test("findPathLink() follows a path, but not out of /sys/devices", () => {
    expect(findPathLink(`${DEVICE}/virtio0`)).toBe("eth0");
    expect(findPathLink(`${DEVICE}/../0000:00:03.0/virtio0`)).toBe("eth0");
    sys.folder("/sys/class/net/net/eth9");
    sys.link("/sys/devices/out", "../class/net");
    expect(findPathLink("/sys/devices/out")).toBeUndefined();
  });

  test("a folder is no device, though there is one of that name", () => {
    expect([".", ".."].map(hasAuxiliaryDevice)).toEqual([false, false]);
    expect([findPciAddress("virtio", "."), findPciAddress("virtio", "..")]).toEqual([undefined, undefined]);
  });

  test("findDriver() has the name of the driver", () => {
    expect(["0000:3b:00.1", "0000:3b:00.2"].map(findDriver)).toEqual(["mlx5_core", undefined]);
  });

  test("findPciAddress() finds the PCI device behind a virtio device", () => {
    expect(findPciAddress("virtio", "virtio0")).toBe("0000:00:03.0");
    expect(findPciAddress("virtio", "virtio1")).toBeUndefined();
    expect(findPciAddress("pci", "virtio0")).toBeUndefined();
    expect(findPciAddress("usb", "virtio0")).toBeUndefined();
  });

  test("a failure that may pass does not mean that there is nothing", () => {
    sys.broken.set("/sys/bus/pci/devices/0000:3b:00.1/net", 5);
    expect(() => findPciLink("0000:3b:00.1")).toThrow(expect.objectContaining({ code: "EIO" }));
    sys.broken.set("/sys/bus/pci/devices/0000:3b:00.1/net", 13);
    expect(findPciLink("0000:3b:00.1")).toBeUndefined();
  });
});

test("names of devices have at most 255 characters", () => {
  vi.spyOn(fs, "existsSync").mockReturnValue(true);
  expect(["a".repeat(255), "a".repeat(256)].map(hasAuxiliaryDevice)).toEqual([true, false]);
  vi.restoreAllMocks();
});
