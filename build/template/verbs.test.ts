import { expect, it } from "vitest";
import { add } from "../../../plugins/new-name/add.ts";
import { check } from "../../../plugins/new-name/check.ts";
import { parseNewNameConfig } from "../../../plugins/new-name/config.ts";
import { addRequest } from "../request.ts";

const prevResult = { cniVersion: "1.1.0", interfaces: [{ name: "eth0", sandbox: "/run/netns/blue" }] };

function request(fields: object) {
  return addRequest({ cniVersion: "1.1.0", name: "net1", type: "new-name", ...fields });
}

it("parseNewNameConfig() reads the greeting, and takes an empty one for unset", () => {
  expect(parseNewNameConfig(request({ greeting: "hi" }))).toEqual({ greeting: "hi" });
  expect(parseNewNameConfig(request({ greeting: "" }))).toEqual({ greeting: "hello" });
  expect(() => parseNewNameConfig(request({ greeting: 1 }))).toThrow("greeting");
});

it("add() returns prevResult, and fails without", () => {
  expect(add(request({ prevResult })).interfaces).toEqual(prevResult.interfaces);
  expect(() => add(request({}))).toThrow("must be called as chained plugin");
});

it("check() fails if the interface is not in prevResult", () => {
  check(request({ prevResult }));
  expect(() => check(request({ prevResult: { ...prevResult, interfaces: [] } }))).toThrow('Interface "eth0"');
});
