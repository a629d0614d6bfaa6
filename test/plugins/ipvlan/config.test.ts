import { describe, expect, it } from "vitest";
import { readChain } from "../../../plugins/ipvlan/chain.ts";
import { flagsName, modeName, parseIpvlanConfig, settingsOf } from "../../../plugins/ipvlan/config.ts";
import { addRequest } from "../request.ts";

const base = { cniVersion: "1.1.0", name: "net1", type: "ipvlan" };

describe("parseIpvlanConfig()", () => {
  it("fills in the defaults", () => {
    const config = parseIpvlanConfig(addRequest({ ...base, mode: "", flags: "" }));
    expect(config).toMatchObject({ mode: "l2", flags: "bridge", mtu: 0, linkInContainer: false });
    expect(settingsOf(config)).toEqual({ mode: 0, flags: 0 });
  });

  it("knows modes and flags by the kernel's numbers", () => {
    const settings = [settingsOf({ mode: "l3", flags: "private" }), settingsOf({ mode: "l3s", flags: "vepa" })];
    expect(settings).toEqual([
      { mode: 1, flags: 1 },
      { mode: 2, flags: 2 },
    ]);
    expect(settings.map(({ mode, flags }) => [modeName(mode), flagsName(flags)])).toEqual([
      ["l3", "private"],
      ["l3s", "vepa"],
    ]);
    expect(modeName(9)).toBe("9");
  });

  it.each([
    [{ mode: "l4" }, 'unknown ipvlan mode: "l4"'],
    [{ mode: "L2" }, 'unknown ipvlan mode: "L2"'],
    [{ flags: "all" }, 'unknown ipvlan flags: "all"'],
  ])("refuses %o", (fields, message) => {
    expect(() => parseIpvlanConfig(addRequest({ ...base, ...fields }))).toThrow(
      expect.objectContaining({ code: 7, message }),
    );
  });
});

describe("readChain()", () => {
  const ips = [{ address: "10.1.2.3/24", interface: 0 }];
  const previous = (...names: string[]) => ({ cniVersion: "1.1.0", interfaces: names.map((name) => ({ name })), ips });
  const ipam = { type: "fixed" };
  const read = (fields: object, master?: string) => readChain(addRequest({ ...base, ...fields }), { master });

  it("takes master and addresses of the plugin before it where the configuration has none", () => {
    const { master, assigned } = read({ prevResult: previous("bond0") });
    expect([master, assigned?.ips.length]).toEqual(["bond0", 1]);
    expect(read({ prevResult: previous("bond0"), ipam }, "eth1")).toEqual({ master: "eth1", assigned: undefined });
    expect(read({ ipam })).toEqual({ master: "", assigned: undefined });
  });

  it.each([
    [{ prevResult: previous("a", "b") }, "chained master failure. PrevResult lacks a single named interface"],
    [{ prevResult: previous() }, "chained master failure. PrevResult lacks a single named interface"],
    [{ prevResult: previous("") }, "chained master failure. PrevResult lacks a single named interface"],
    [{}, 'ipvlan needs "ipam", or the addresses of a plugin before it'],
    [{ prevResult: { ...previous("a"), ips: [] } }, 'ipvlan needs "ipam", or the addresses of a plugin before it'],
  ])("refuses %o", (fields, message) => {
    expect(() => read(fields)).toThrow(expect.objectContaining({ code: 7, message }));
  });
});
