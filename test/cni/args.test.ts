import { describe, expect, test } from "vitest";
import { parseCniArgs } from "../../src/cni/args.ts";

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
