import { describe, expect, it } from "vitest";
import { type BridgeConfig, parseBridgeConfig } from "../../../plugins/bridge/config.ts";
import type { SpecVersion } from "../../../src/cni/version.ts";
import { refusal } from "../host-local/refusal.ts";
import { addRequest } from "../request.ts";

function parse(fields: object, version: SpecVersion = "1.1.0"): BridgeConfig {
  const json = { cniVersion: version, name: "net1", type: "bridge", ...fields };
  const request = addRequest(json, { version });
  return parseBridgeConfig(request);
}

describe("parseBridgeConfig()", () => {
  it.each(["0.4.0", "1.0.0"] as const)("B40: takes vlan 0, refuses what is no VLAN ID, %s", (version) => {
    expect(parse({ vlan: 0 }, version)).toMatchObject({ vlan: 0 });
    for (const vlan of [-100, 5000]) {
      const message = `invalid VLAN ID ${vlan} (must be between 0 and 4094)`;
      expect(refusal(() => parse({ vlan }, version))).toEqual({ code: 7, message });
    }
  });

  it("tells an empty trunk from none", () => {
    expect(parse({}).vlanTrunk).toBeUndefined();
    expect(parse({ vlanTrunk: null }).vlanTrunk).toBeUndefined();
    expect(parse({ vlanTrunk: [] }).vlanTrunk).toEqual([]);
  });

  it("reads the trunk's keys in any case", () => {
    expect(parse({ VlanTrunk: [{ ID: 7 }, { minId: 100, MAXID: 101 }] }).vlanTrunk).toEqual([7, 100, 101]);
  });

  it.each([
    [[{ id: "7" }], 'Cannot use vlanTrunk[0].id "7": must be an integer'],
    [[null], "Cannot use vlanTrunk[0] null: must be an object"],
    [7, "Cannot use vlanTrunk 7: must be a list"],
  ])("refuses the trunk %j", (vlanTrunk, message) => {
    expect(refusal(() => parse({ vlanTrunk }))).toEqual({ code: 7, message });
  });

  const ipam = { type: "host-local" };

  it.each([
    ["isGateway", { vlan: 100, isGateway: true, ipam }, "cni0.100"],
    ["isDefaultGateway", { vlan: 100, isDefaultGateway: true, bridge: "br1", ipam }, "br1.100"],
    ["no gateway", { vlan: 100, ipam }, undefined],
    ["layer 2", { vlan: 100, isGateway: true }, undefined],
    ["no VLAN", { isGateway: true, ipam }, undefined],
  ])("names the gateway of a VLAN: %s", (_, fields, name) => {
    expect(parse(fields).vlanGateway).toBe(name);
  });

  it("refuses a bridge whose VLAN gateway would have too long a name", () => {
    const fields = { bridge: "bridge-0123456", vlan: 100, isGateway: true, ipam };
    const message = 'Cannot use vlan 100 with the gateway "bridge-0123456.100": interface name is too long';
    expect(refusal(() => parse(fields))).toEqual({ code: 7, message });
  });
});
