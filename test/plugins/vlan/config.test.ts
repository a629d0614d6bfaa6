import { describe, expect, it } from "vitest";
import { parseVlanConfig } from "../../../plugins/vlan/config.ts";
import { addRequest } from "../request.ts";

function parse(fields: object) {
  const ipam = { type: "fixed" };
  return parseVlanConfig(
    addRequest({ cniVersion: "1.1.0", name: "net1", type: "vlan", master: "eth0", ipam, ...fields }),
  );
}

describe("parseVlanConfig()", () => {
  it("fills in the defaults, and takes every VLAN", () => {
    expect(parse({})).toMatchObject({ master: "eth0", vlanId: 0, mtu: 0, linkInContainer: false });
    expect(parse({ vlanId: 4094 }).vlanId).toBe(4094);
  });

  it.each([
    [{ vlanId: 4095 }, "invalid VLAN ID 4095 (must be between 0 and 4094)"],
    [{ vlanId: -1 }, "invalid VLAN ID -1 (must be between 0 and 4094)"],
    [{ vlanId: "5" }, "vlanId"],
    [{ master: "" }, '"master" field is required. It specifies the host interface name to create the VLAN for'],
    [{ ipam: {} }, "vlan interface requires an IPAM configuration"],
  ])("refuses %o", (fields, message) => {
    expect(() => parse(fields)).toThrow(
      expect.objectContaining({ code: 7, message: expect.stringContaining(message) }),
    );
  });
});
