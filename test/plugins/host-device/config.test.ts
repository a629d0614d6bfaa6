import { describe, expect, it } from "vitest";
import { parseHostDeviceConfig, requireSelector } from "../../../plugins/host-device/config.ts";
import { addRequest } from "../request.ts";

function parse(fields: object) {
  return parseHostDeviceConfig(addRequest({ cniVersion: "1.1.0", name: "net1", type: "host-device", ...fields }));
}

describe("parseHostDeviceConfig()", () => {
  it.each([
    [{ device: "ens11" }, { by: "name", value: "ens11" }],
    [{ hwaddr: "02-00-00-00-00-0A" }, { by: "mac", value: "02:00:00:00:00:0a" }],
    [{ kernelpath: "/sys/devices/pci0000:00/x" }, { by: "path", value: "/sys/devices/pci0000:00/x" }],
    [{ pciBusID: "0000:3b:00.1" }, { by: "pci", value: "0000:3b:00.1" }],
    [
      { pciBusID: "0000:3b:00.1", kernelpath: "/sys/devices/x" },
      { by: "path", value: "/sys/devices/x" },
    ],
    [
      { device: "ens11", hwaddr: "02:00:00:00:00:0a", pciBusID: "0000:3b:00.1" },
      { by: "name", value: "ens11" },
    ],
  ])("takes the device of %j, the first key of several", (fields, selector) => {
    expect(parse(fields).selector).toEqual(selector);
  });

  it("takes empty keys for unset", () => {
    const empty = { device: "", hwaddr: "", kernelpath: "", runtimeConfig: { deviceID: "" }, dataDir: "" };
    expect(parse({ ...empty, pciBusID: "0000:3b:00.1" })).toMatchObject({
      selector: { by: "pci", value: "0000:3b:00.1" },
      dataDir: "/run/cni/host-device",
      ipam: undefined,
    });
  });

  it("needs no device where the runtime names one, until a call is about a container", () => {
    const config = parse({ capabilities: { deviceID: true } });
    expect(config.selector).toBeUndefined();
    const text = 'specify either "device", "hwaddr", "kernelpath" or "pciBusID"';
    expect(() => requireSelector(config)).toThrow(text);
    expect(() => parse({})).toThrow(text);
  });

  it.each([
    [{ device: "a-name-of-more-than-127".repeat(6) }, "too long"],
    [{ device: "a\0b" }, "NUL"],
    [{ hwaddr: "zz" }, "hwaddr"],
    [{ kernelpath: "/opt/x" }, "must be absolute and begin with /sys/devices/"],
    [{ pciBusID: "0000:3b:00.9" }, "must be a PCI address"],
    [{ pciBusID: "mlx5_core.sf.4" }, "or a device on the auxiliary bus"],
    [{ runtimeConfig: { deviceID: "none" } }, "runtime config DeviceID none not found or unsupported"],
    [{ device: "ens11", dataDir: "relative" }, "dataDir"],
  ])("refuses %j", (fields, text) => expect(() => parse(fields)).toThrow(text));
});
