import { expect, it } from "vitest";
import { parseNewNameConfig } from "../../../plugins/new-name/config.ts";
import { addRequest } from "../request.ts";

function parse(fields: object) {
  return parseNewNameConfig(addRequest({ cniVersion: "1.1.0", name: "net1", type: "new-name", ...fields }));
}

it("parseNewNameConfig() reads the label, takes an empty one for unset, and refuses one that is no text", () => {
  expect(parse({ label: "blue" })).toEqual({ label: "blue" });
  expect(parse({ label: "" })).toEqual({ label: "labelled" });
  expect(() => parse({ label: 1 })).toThrow("label");
});
