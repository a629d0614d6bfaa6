import { describe, expect, it } from "vitest";
import { parseBridgeConfig } from "../../../plugins/bridge/config.ts";
import { configuration } from "../../../plugins/bridge/configuration.ts";
import type { SpecVersion } from "../../../src/cni/version.ts";
import { refusal } from "../host-local/refusal.ts";
import { addRequest } from "../request.ts";

interface Options {
  readonly version?: SpecVersion;
  readonly args?: string;
}

const requestOf = (fields: object, { version = "1.1.0", args = "" }: Options = {}) =>
  addRequest({ cniVersion: version, name: "net1", type: "bridge", ...fields }, { version, args });

const parse = (fields: object, options?: Options) => parseBridgeConfig(requestOf(fields, options));

describe("parseBridgeConfig()", () => {
  it("has the Go plugin's defaults", () => {
    expect(parse({})).toMatchObject({
      bridge: "cni0",
      isGateway: false,
      ipam: undefined,
      mac: undefined,
      vlan: 0,
      vlanGateway: undefined,
      spoofCheck: undefined,
    });
  });

  it.each([
    [{}, false],
    [{ isGateway: true }, true],
    [{ isDefaultGateway: true }, true],
  ])("takes a default gateway for a gateway: %j", (fields, isGateway) => {
    expect(parse(fields).isGateway).toBe(isGateway);
  });

  it.each([
    [{}, undefined],
    [{ ipam: {} }, undefined],
    [{ ipam: { type: "" } }, undefined],
    [{ ipam: { type: "static" } }, "static"],
  ])("takes %j for IPAM %s", (fields, ipam) => {
    expect(parse(fields).ipam).toBe(ipam);
  });

  it("has the runtime's MAC before the configuration's, and that before CNI_ARGS'", () => {
    const [one, two, three] = [1, 2, 3].map((last) => `02:00:00:00:00:0${last}`);
    const args = { args: `MAC=${three}` };
    expect(parse({}, args).mac).toBe(three);
    expect(parse({ args: { cni: {} }, runtimeConfig: {} }, args).mac).toBe(three);
    expect(parse({ args: { cni: { mac: two } } }, args).mac).toBe(two);
    expect(parse({ args: { cni: { mac: two } }, runtimeConfig: { mac: one } }, args).mac).toBe(one);
  });

  it.each([
    [{ vlan: -1 }, "invalid VLAN ID -1 (must be between 0 and 4094)"],
    [{ vlan: 4095 }, "invalid VLAN ID 4095 (must be between 0 and 4094)"],
    [{ hairpinMode: true, promiscMode: true }, "cannot set hairpin mode and promiscuous mode at the same time"],
    [
      { disableContainerInterface: true, ipam: { type: "static" } },
      "cannot use IPAM when DisableContainerInterface flag is set",
    ],
    [{ ipMasqBackend: "ebtables" }, 'unknown ipmasq backend "ebtables"'],
    [{ bridge: "a/b" }, 'Cannot use bridge "a/b": interface name contains / or : or whitespace characters'],
  ])("refuses %j", (fields, message) => {
    expect(refusal(() => parse(fields))).toEqual({ code: 7, message });
  });

  it.each([
    { vlan: 4094 },
    { hairpinMode: true },
    { promiscMode: true },
    { disableContainerInterface: true },
    { ipMasqBackend: "nftables" },
    { ipMasqBackend: "iptables" },
  ])("takes %j", (fields) => {
    expect(() => parse(fields)).not.toThrow();
  });
});

describe("configuration()", () => {
  it("tells what a network claims", () => {
    const { place, parse: read } = configuration();
    expect(place).toBe("interface");
    const fields = { bridge: "br1", vlan: 7, isDefaultGateway: true, ipam: { type: "static" } };
    const claims = { name: "br1", vlan: 7, isGateway: true };
    expect(read(requestOf({ ...fields, mtu: 1400 }))).toEqual({ bridge: { ...claims, mtu: 1400 } });
    expect(read(requestOf({ ...fields, mtu: "auto" }))).toEqual({ bridge: { ...claims, mtu: undefined } });
  });

  it("refuses layer 2 before 0.3.0, whose results have addresses alone", () => {
    const { parse: read } = configuration();
    expect(refusal(() => read(requestOf({}, { version: "0.2.0" })))).toMatchObject({ code: 7 });
    expect(() => read(requestOf({ ipam: { type: "static" } }, { version: "0.2.0" }))).not.toThrow();
    expect(() => read(requestOf({}, { version: "0.3.0" }))).not.toThrow();
  });
});
