import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseJson } from "../../src/cni/json.ts";
import type { Result } from "../../src/cni/result.ts";
import { formatResult, parseDelegatedResult, parseResult } from "../../src/cni/result-json.ts";
import { SPEC_VERSIONS, type SpecVersion } from "../../src/cni/version.ts";
import { parseAddress } from "../../src/ip/address.ts";
import { parsePrefix } from "../../src/ip/prefix.ts";

const CAPTURES = join(import.meta.dirname, "../captures/results");

function read(name: string): Result {
  return parseDelegatedResult(parseJson(readFileSync(join(CAPTURES, `given-${name}.json`))), "1.1.0");
}

function captured(name: string, version: SpecVersion): string {
  return readFileSync(join(CAPTURES, `${name}-as-${version}.json`), "utf8");
}

function format(result: Result, version: SpecVersion): string {
  try {
    return formatResult(result, version);
  } catch (error) {
    return `error: ${error instanceof Error ? error.message : error}`;
  }
}

describe("formatResult", () => {
  const pairs = ["0.2.0", "0.4.0", "1.0.0", "1.1.0", "empty"].flatMap((from) =>
    SPEC_VERSIONS.map((to): [string, SpecVersion] => [from, to]),
  );

  test.each(pairs)("prints a result of %s in %s as the reference library does", (from, to) => {
    expect(format(read(from), to)).toBe(captured(from, to));
  });

  test("refuses a result without an address in 0.1.0 and 0.2.0 with code 7", () => {
    for (const version of ["0.1.0", "0.2.0"] as const) {
      expect(() => formatResult({ interfaces: [], ips: [], routes: [], dns: {} }, version)).toThrow(
        expect.objectContaining({
          code: 7,
          message: "cannot convert: no valid IP addresses",
          details: `cniVersion ${version} has no result without an address; use 0.3.0 or later`,
        }),
      );
    }
  });
});

describe("parseResult", () => {
  test.each(SPEC_VERSIONS)("reads back what formatResult wrote in %s", (version) => {
    const text = formatResult(read("1.1.0"), version);
    expect(formatResult(parseResult(parseJson(Buffer.from(text)), version), version)).toBe(text);
  });

  test("keeps index 0, table 0 and scope 0, and a hardware address as it was written", () => {
    const { interfaces, ips, routes } = read("1.1.0");
    expect([interfaces[2]?.mac, ips[0]?.interface, ips[1]?.interface]).toEqual(["0A:58:0A:01:02:05", 0, undefined]);
    expect([routes[1]?.table, routes[1]?.scope, routes[0]?.table]).toEqual([0, 0, undefined]);
  });

  test("reads the oldest shape", () => {
    expect(read("0.2.0")).toEqual({
      interfaces: [],
      ips: [
        { address: parsePrefix("10.1.2.5/24"), gateway: parseAddress("10.1.2.1") },
        { address: parsePrefix("fd00::5/64"), gateway: undefined },
      ],
      routes: [
        { dst: parsePrefix("0.0.0.0/0") },
        { dst: parsePrefix("10.5.5.5/8"), gw: parseAddress("10.1.2.9") },
        { dst: parsePrefix("::/0"), gw: parseAddress("fd00::1") },
      ],
      dns: { nameservers: ["10.1.2.1"] },
    });
  });

  test.each(["0.4.0", "1.1.0"] as const)(
    "takes an empty sandbox for the host's, and an empty MAC for none, in %s",
    (version) => {
      const { interfaces } = parseResult({ interfaces: [{ name: "veth0", mac: "", sandbox: "" }] }, version);
      expect(interfaces.map(({ mac, sandbox }) => [mac, sandbox])).toEqual([[undefined, undefined]]);
    },
  );

  test("reads an interface without a name, and keys in any case", () => {
    const json = { Interfaces: [{ MAC: "x" }], IPS: [{ Address: "10.0.0.1/8" }], ROUTES: null };
    expect(parseResult(json, "1.0.0")).toEqual({
      interfaces: [{ name: "", mac: "x" }],
      ips: [{ address: parsePrefix("10.0.0.1/8") }],
      routes: [],
      dns: {},
    });
  });

  test.each([
    ["1.0.0", "1.1.0"],
    ["1.1.0", "1.0.0"],
    ["0.3.0", "0.4.0"],
    ["0.1.0", "0.2.0"],
    ["0.4.0", ""],
  ] as const)("in %s takes a result that says %j", (version, own) => {
    expect(parseResult({ cniVersion: own }, version).ips).toEqual([]);
  });

  test.each([
    ["1.1.0", "0.4.0", 'result type supports [1.0.0 1.1.0] but unmarshalled CNIVersion is "0.4.0"'],
    ["0.3.1", "1.0.0", 'result type supports [0.3.0 0.3.1 0.4.0] but unmarshalled CNIVersion is "1.0.0"'],
    ["0.2.0", "0.3.0", 'result type supports [ 0.1.0 0.2.0] but unmarshalled CNIVersion is "0.3.0"'],
    ["1.0.0", 1, "result type supports [1.0.0 1.1.0] but unmarshalled CNIVersion is 1"],
  ] as const)("in %s refuses a result that says %j", (version, own, message) => {
    expect(() => parseResult({ cniVersion: own }, version)).toThrow(expect.objectContaining({ code: 6, message }));
  });

  test.each([
    [[], "a result must be an object, found array"],
    [null, "a result must be an object, found null"],
    ["x", "a result must be an object, found string"],
    [{ ips: {} }, "Cannot use ips {}: must be a list"],
    [{ ips: [{}] }, "Cannot find ips[0].address: must be an IP prefix such as 10.1.0.0/16"],
    [
      { ips: [{ address: "10.0.0.1" }] },
      'Cannot use ips[0].address "10.0.0.1": must be an IP prefix such as 10.1.0.0/16',
    ],
    [{ interfaces: [null] }, "Cannot use interfaces[0] null: must be an object"],
  ])("refuses %j", (json, message) => {
    expect(() => parseResult(json, "1.0.0")).toThrow(expect.objectContaining({ code: 6, message }));
  });
});

describe("parseDelegatedResult", () => {
  test("goes by the result's own version, else by the configuration's", () => {
    const ip4 = { ip4: { ip: "10.0.0.1/8" } };
    expect(parseDelegatedResult({ cniVersion: "0.2.0", ...ip4 }, "1.1.0").ips).toHaveLength(1);
    expect(parseDelegatedResult(ip4, "0.1.0").ips).toHaveLength(1);
    expect(parseDelegatedResult(ip4, "1.1.0").ips).toHaveLength(0);
  });

  test("takes null for an empty result", () => {
    expect(parseDelegatedResult(null, "1.0.0")).toEqual({ interfaces: [], ips: [], routes: [], dns: {} });
  });

  test.each(["9.9.9", "1.0", 5, 0, false])("refuses the version %j", (own) => {
    const message = `unsupported CNI result version ${JSON.stringify(own)}`;
    expect(() => parseDelegatedResult({ cniVersion: own }, "1.0.0")).toThrow(
      expect.objectContaining({ code: 6, message }),
    );
  });
});
