import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refuseRepeatedKeys } from "../../../plugins/tuning/repeated-key.ts";
import { refusal } from "../host-local/refusal.ts";

const refuse = (text: string) => refuseRepeatedKeys(Buffer.from(text));

describe("refuseRepeatedKeys()", () => {
  it.each([
    ['{"sysctl": {"net.a": "1", "net.b": "2"}, "args": {"cni": {"sysctl": {"net.a": "1"}}}}'],
    [
      '{"other": {"net.a": "1", "net.a": "2"}, "x": [{"sysctl": {"a": 1, "a": 2}}, {"a": {"sysctl": {"b": 1, "b": 2}}}]}',
    ],
    ['{"sysctl": {"net.a": "net.a", "net.A": "}{", "b": "\\"net.a\\": "}}'],
    ['{"args.cni.sysctl": {"a": 1, "a": 1}, "args": {"cni": {"labels": {"a": 1, "a": 1}}}}'],
    ["null"],
  ])("takes %s", (text) => {
    expect(() => refuse(text)).not.toThrow();
  });

  it.each([
    ['{"sysctl": {"net.a": "1", "net.b": "3", "net.a": "2"}}', 'sysctl "net.a"'],
    ['{"SysCtl": {"net.a": "1", "net.\\u0061": "2"}}', 'sysctl "net.a"'],
    ['{"args": {"CNI": {"sysctl": {"net.a": "1", "net.a": "1"}}}}', 'sysctl "net.a"'],
    ['{"sysctl": {"net.a": "1"}, "name": "x", "SYSCTL": {"net.b": "1"}}', "sysctl"],
  ])("refuses %s", (text, what) => {
    expect(refusal(() => refuse(text))).toEqual({ code: 7, message: `Cannot use ${what}: it is duplicated` });
  });

  it("takes whatever JSON.stringify makes: it repeats no key", () => {
    const json = fc.json({ maxDepth: 4 });
    fc.assert(fc.property(json, (text) => refuse(`{"sysctl": ${text}, "args": {"cni": {"sysctl": ${text}}}}`)));
  });

  it("reads the deepest nesting that a parser takes", () => {
    const depth = 9_000;
    refuse(`{"a":${'{"sysctl":'.repeat(depth)}1${"}".repeat(depth)}}`);
  });
});
