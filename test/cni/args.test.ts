import { describe, expect, test } from "vitest";
import { parseCniArgs, parseMacArg } from "../../src/cni/args.ts";

describe("parseCniArgs", () => {
  test.each([
    ["", {}],
    ["IP=10.1.2.3", { IP: "10.1.2.3" }],
    ["IP=", { IP: "" }],
    ["IP=a;IP=b", { IP: "b" }],
    ["IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;IP=a", { IP: "a" }],
    ["K8S_POD_NAME=x;IgnoreUnknown=True", {}],
    ["IP=a;IgnoreUnknown=0", { IP: "a" }],
  ])("reads %j", (text, values) => expect(parseCniArgs(text, ["IP", "MAC"])).toEqual(values));

  test.each([
    ["IP=a;", 'ARGS: invalid pair ""'],
    ["IgnoreUnknown=1;IP", 'ARGS: invalid pair "IP"'],
    ["IP=a=b", 'ARGS: invalid pair "IP=a=b"'],
    ["none", 'ARGS: invalid pair "none"'],
    ["ip=a", 'ARGS: unknown args ["ip=a"]'],
    ["A=1;IP=a;B=2", 'ARGS: unknown args ["A=1" "B=2"]'],
    ["A=1;IgnoreUnknown=false", 'ARGS: unknown args ["A=1"]'],
    ["IgnoreUnknown=1;ignoreunknown=1;IgnoreUnknown=0", 'ARGS: unknown args ["ignoreunknown=1"]'],
    [
      "IgnoreUnknown=Maybe",
      'ARGS: error parsing value of pair "IgnoreUnknown=Maybe": boolean unmarshal error: invalid input maybe',
    ],
  ])("refuses %j with the reference's words and code 4", (text, message) => {
    const refusal = expect.objectContaining({ code: 4, message, details: "in CNI_ARGS" });
    expect(() => parseCniArgs(text, ["IP"])).toThrow(refusal);
  });
});

describe("parseMacArg", () => {
  test.each([
    ["", undefined],
    ["MAC=", undefined],
    ["MAC=02-00-00-00-00-0A", "02:00:00:00:00:0a"],
    ["IgnoreUnknown=1;MAC=02:00:00:00:00:01;IP=a", "02:00:00:00:00:01"],
  ])("reads %j", (text, mac) => expect(parseMacArg(text)).toBe(mac));

  test.each([
    ["MAC=x", 'ARGS: error parsing value of pair "MAC=x": must be a hardware address'],
    [
      "MAC=01:00:00:00:00:01",
      'ARGS: error parsing value of pair "MAC=01:00:00:00:00:01": must be of 6 bytes, not multicast, not zero',
    ],
    ["IP=a", 'ARGS: unknown args ["IP=a"]'],
  ])("refuses %j", (text, message) => {
    expect(() => parseMacArg(text)).toThrow(expect.objectContaining({ code: 4, message }));
  });
});
