import { describe, expect, it } from "vitest";
import { parseTapConfig } from "../../../plugins/tap/config.ts";
import { addRequest } from "../request.ts";

function parse(fields: object, args = "") {
  return parseTapConfig(addRequest({ cniVersion: "1.1.0", name: "net1", type: "tap", ...fields }, { args }));
}

const [first, second, third, fourth] = [
  "02:00:00:00:00:01",
  "02:00:00:00:00:02",
  "02:00:00:00:00:03",
  "02:00:00:00:00:04",
];

describe("parseTapConfig()", () => {
  it("has defaults, and takes empty texts for unset", () => {
    const empty = { bridge: "", selinuxContext: "", mac: "", ipam: { type: "" } };
    const { mac, bridge, selinuxContext, ipam, owner, mtu, multiQueue } = parse(empty);
    expect({ mac, bridge, selinuxContext, ipam, owner }).toEqual({});
    expect({ mtu, multiQueue }).toEqual({ mtu: 0, multiQueue: false });
  });

  it("takes the MAC of the runtime, of args, of CNI_ARGS, and its own, in this order", () => {
    const [args, runtimeConfig] = [{ cni: { mac: second } }, { mac: first }];
    expect(parse({ mac: fourth, args, runtimeConfig }, `MAC=${third}`).mac).toBe(first);
    expect(parse({ mac: fourth, args }, `MAC=${third}`).mac).toBe(second);
    expect(parse({ mac: fourth }, `MAC=${third}`).mac).toBe(third);
    expect(parse({ mac: fourth }).mac).toBe(fourth);
  });

  it("refuses unknown CNI_ARGS whatever MAC counts", () => {
    expect(() => parse({ runtimeConfig: { mac: first } }, "IP=10.0.0.1")).toThrow("unknown args");
  });

  it.each([
    [{ owner: -1 }, "owner"],
    [{ group: 4_294_967_295 }, "group"],
    [{ mtu: -1 }, "mtu"],
    [{ bridge: "a/b" }, "Cannot use bridge"],
    [{ bridge: "a\0b" }, "NUL"],
    [{ selinuxContext: "one two" }, "must be a context"],
    [{ selinuxContext: "a\n" }, "must be a context"],
    [{ args: "text" }, "args"],
  ])("refuses %j", (fields, text) => expect(() => parse(fields)).toThrow(text));
});
