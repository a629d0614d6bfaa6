import { describe, expect, it } from "vitest";
import { modeName, modeNumber, parseMacvlanConfig } from "../../../plugins/macvlan/config.ts";
import { addRequest } from "../request.ts";

type Options = Parameters<typeof addRequest>[1];

function parse(fields: object, options: Options = {}) {
  return parseMacvlanConfig(addRequest({ cniVersion: "1.1.0", name: "net1", type: "macvlan", ...fields }, options));
}

const macs = (...last: number[]) => last.map((byte) => `02:00:00:00:00:0${byte}`);

describe("parseMacvlanConfig()", () => {
  it("fills in the defaults", () => {
    expect(parse({})).toMatchObject({ mode: "bridge", mtu: 0, linkInContainer: false, bcqueuelen: 0, mac: undefined });
    expect(parse({ mode: "" })).toMatchObject({ mode: "bridge" });
  });

  it.each(["bridge", "private", "vepa", "passthru"] as const)("takes mode %s", (mode) => {
    expect(parse({ mode }).mode).toBe(mode);
    expect(modeName(modeNumber(mode))).toBe(mode);
  });

  it("takes the MAC of runtimeConfig before that of args, of CNI_ARGS and of the configuration", () => {
    const [a, b, c, d] = macs(1, 2, 3, 4);
    const fields = { mac: d, args: { cni: { mac: b } } };
    const options = { args: `MAC=${c}` };
    expect(parse({ ...fields, runtimeConfig: { mac: a } }, options).mac).toBe(a);
    expect(parse(fields, options).mac).toBe(b);
    expect(parse({ mac: d }, options).mac).toBe(c);
    expect(parse({ mac: d }).mac).toBe(d);
  });

  it.each([
    ["another mode", { mode: "source" }, 'unknown macvlan mode: "source"'],
    ["a mode in capitals", { mode: "Bridge" }, 'unknown macvlan mode: "Bridge"'],
    ["a MAC that is none", { mac: "zz" }, "mac"],
    ["a group's MAC", { mac: "01:00:00:00:00:01" }, "mac"],
    ["a negative queue", { bcqueuelen: -1 }, "bcqueuelen"],
    ["an mtu that is text", { mtu: "1500" }, "mtu"],
  ])("refuses %s", (_, fields, message) => {
    expect(() => parse(fields)).toThrow(
      expect.objectContaining({ code: 7, message: expect.stringContaining(message) }),
    );
  });

  it("refuses an unknown key of CNI_ARGS", () => {
    expect(() => parse({}, { args: "IP=10.0.0.1/24" })).toThrow(expect.objectContaining({ code: 4 }));
  });
});
