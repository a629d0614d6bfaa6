import { describe, expect, it } from "vitest";
import { parseBridgeConfig } from "../../../plugins/bridge/config.ts";
import { refusal } from "../host-local/refusal.ts";
import { addRequest } from "../request.ts";

const ipam = { type: "host-local" };

function spoofCheckOf(fields: object): string | undefined {
  const json = { cniVersion: "1.1.0", name: "net1", type: "bridge", ipam, ...fields };
  const request = addRequest(json);
  return parseBridgeConfig(request).spoofCheck;
}

describe("parseBridgeConfig()", () => {
  it.each([
    [{}, undefined],
    [{ macspoofchk: false, spoofchk: null }, undefined],
    [{ macspoofchk: true }, "mac"],
    [{ macspoofchk: true, ipam: {} }, "mac"],
    [{ macspoofchk: true, vlanTrunk: [{ id: 5 }] }, "mac"],
    [{ spoofchk: "strict" }, "strict"],
    [{ spoofchk: "strict", macspoofchk: true, vlan: 5, vlanTrunk: [] }, "strict"],
  ])("has %j check what comes from the port: %s", (fields, check) => {
    expect(spoofCheckOf(fields)).toBe(check);
  });

  it.each([
    [{ spoofchk: "STRICT" }, 'unknown spoofchk "STRICT": must be "strict"'],
    [{ spoofchk: "" }, 'unknown spoofchk "": must be "strict"'],
    [{ spoofchk: true }, "Cannot use spoofchk true: must be a string"],
    [{ macspoofchk: "yes" }, 'Cannot use macspoofchk "yes": must be a boolean'],
    [
      { spoofchk: "strict", ipam: {} },
      'cannot use spoofchk "strict" without IPAM: the addresses are not known, macspoofchk checks the MAC alone',
    ],
    [
      { spoofchk: "strict", vlanTrunk: [{ id: 5 }] },
      'cannot use spoofchk "strict" with vlanTrunk: the addresses are not known, macspoofchk checks the MAC alone',
    ],
  ])("refuses %j", (fields, message) => {
    expect(refusal(() => spoofCheckOf(fields))).toEqual({ code: 7, message });
  });
});
