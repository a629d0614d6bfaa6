import { expect, it } from "vitest";
import { parseDummyConfig } from "../../../plugins/dummy/config.ts";
import { addRequest } from "../request.ts";

const base = { cniVersion: "1.1.0", name: "net1", type: "dummy" };

it("parseDummyConfig() reads DNS settings, and refuses a network without IPAM", () => {
  const dns = { nameservers: ["10.0.0.1"] };
  expect(parseDummyConfig(addRequest({ ...base, ipam: { type: "fixed" }, dns }))).toEqual({ dns });
  for (const ipam of [undefined, {}, { type: "" }]) {
    const message = "dummy interface requires an IPAM configuration";
    expect(() => parseDummyConfig(addRequest({ ...base, ipam }))).toThrow(
      expect.objectContaining({ code: 7, message }),
    );
  }
});
