import { expect, it } from "vitest";
import { parseSbrConfig } from "../../../plugins/sbr/config.ts";
import { address } from "../../netlink/text.ts";
import { addRequest } from "../request.ts";

function parse(fields: object, log: (line: string) => void = () => {}) {
  return parseSbrConfig({ ...addRequest({ cniVersion: "1.1.0", name: "net1", type: "sbr", ...fields }), log });
}

it("parseSbrConfig() reads the table and a gateway for each family", () => {
  expect(parse({})).toEqual({ table: undefined, gateways: {}, addSourceHints: false });
  expect(parse({ table: 5000 }).table).toBe(5000);
  const gateways = { 4: address("10.0.0.1"), 6: address("fd00::1") };
  expect(parse({ gateways: ["fd00::1", "10.0.0.1"], addSourceHints: true })).toMatchObject({ gateways });
  expect(parse({ gateways: ["", "10.0.0.1"] }).gateways).toEqual({ 4: gateways[4] });
});

it.each([
  [{ table: 0 }, "Cannot use table 0"],
  [{ table: -1 }, "Cannot use table -1"],
  [{ table: 2 ** 32 }, "Cannot use table 4294967296"],
  [{ table: "main" }, 'Cannot use table "main"'],
  [{ gateways: "10.0.0.1" }, "Cannot use gateways"],
  [{ gateways: ["10.0.0"] }, "an IP address"],
  [{ gateways: ["10.0.0.1", "10.0.0.2"] }, "gateways list contains multiple IPv4 addresses: 10.0.0.1 and 10.0.0.2"],
])("parseSbrConfig() refuses %j", (fields, message) => {
  expect(() => parse(fields)).toThrow(message);
});

it("parseSbrConfig() says which fields have no effect with a table", () => {
  const said: string[] = [];
  parse({ table: 7, gateways: ["10.0.0.1"] }, (line) => said.push(line));
  parse({ table: 7 }, (line) => said.push(line));
  expect(said).toEqual(['"gateways" and "addSourceHints" have no effect with "table": no route is changed then']);
});
