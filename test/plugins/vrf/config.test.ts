import { expect, it } from "vitest";
import { findVrfName, parseVrfConfig } from "../../../plugins/vrf/config.ts";
import { addRequest } from "../request.ts";

function request(fields: object, log: (line: string) => void = () => {}) {
  return { ...addRequest({ cniVersion: "1.1.0", name: "net1", type: "vrf", ...fields }), log };
}

it("parseVrfConfig() reads the name and the table, 0 unless given", () => {
  expect(parseVrfConfig(request({ vrfname: "red" }))).toEqual({ vrfname: "red", table: 0 });
  expect(parseVrfConfig(request({ vrfName: "red", table: 2 ** 32 - 1 }))).toEqual({
    vrfname: "red",
    table: 4294967295,
  });
});

it.each([
  [{}, "configuration is expected to have a valid vrf name"],
  [{ vrfname: "" }, "configuration is expected to have a valid vrf name"],
  [{ vrfname: 7 }, "Cannot use vrfname 7"],
  [{ vrfname: "a/b" }, 'Cannot use vrfname "a/b": interface name contains /'],
  [{ vrfname: "a-name-of-16-byte" }, "interface name is too long"],
  [{ vrfname: "red%d" }, 'Cannot use vrfname "red%d": interface name contains %'],
  [{ vrfname: ".." }, "interface name is . or .."],
  [{ vrfname: "red", table: -1 }, "Cannot use table -1"],
  [{ vrfname: "red", table: 2 ** 32 }, "Cannot use table 4294967296"],
  [{ vrfname: "red", table: "main" }, 'Cannot use table "main"'],
])("parseVrfConfig() refuses %j", (fields, message) => {
  expect(() => parseVrfConfig(request(fields))).toThrow(message);
});

it("parseVrfConfig() logs a key that is close to one that it knows", () => {
  const said: string[] = [];
  parseVrfConfig(request({ vrfname: "red", tabel: 7 }, (line) => said.push(line)));
  expect(said).toEqual([expect.stringContaining("tabel")]);
});

it.each([
  [{ vrfname: "red", table: "main" }, "red"],
  [{ vrfname: 7 }, undefined],
  [{ vrfname: "a/b" }, undefined],
  [{}, undefined],
])("findVrfName() reads the name of %j whatever the rest is", (fields, name) => {
  expect(findVrfName(request(fields))).toBe(name);
});
