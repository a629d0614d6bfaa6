import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeMac, encodeMac, isInterfaceMac, parseMac } from "../../src/ip/mac.ts";

describe("parseMac", () => {
  test.each([
    ["00:00:5E:00:53:01", "00:00:5e:00:53:01"],
    ["00-00-5e-00-53-01", "00:00:5e:00:53:01"],
    ["0000.5e00.5301", "00:00:5e:00:53:01"],
    ["00005e005301", "00:00:5e:00:53:01"],
    ["02:00:5e:10:00:00:00:01", "02:00:5e:10:00:00:00:01"],
    [
      "00-00-00-00-fe-80-00-00-00-00-00-00-02-00-5e-10-00-00-00-01",
      "00:00:00:00:fe:80:00:00:00:00:00:00:02:00:5e:10:00:00:00:01",
    ],
  ])("reads %s as Go does", (text, canonical) => expect(parseMac(text)).toBe(canonical));

  test.each([
    "",
    "00:00:5e:00:53",
    "00:00:5e:00:53:01:02",
    "00:00:5e-00:53:01",
    "0:0:5e:0:53:1",
    "00:00:5e:00:53:0g",
    "0000.5e00.53",
    "00005e00530",
    "00005e0053010",
    "gggg.5e00.5301",
    "0000.5e00.gggg",
    " 00:00:5e:00:53:01",
    "00:00:5e:00:53:01:",
  ])("refuses %j as Go does", (text) => expect(parseMac(text)).toBeUndefined());
});

describe("encodeMac, decodeMac", () => {
  test("mirror each other", () => {
    const bytes = fc.constantFrom(6, 8, 20).chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
    fc.assert(
      fc.property(bytes, (given) => {
        const mac = decodeMac(given);
        expect([...encodeMac(mac)]).toEqual([...given]);
        expect(parseMac(mac)).toBe(mac);
      }),
    );
  });
});

describe("isInterfaceMac()", () => {
  test.each([
    ["02:00:00:00:00:01", true],
    ["00:00:00:00:00:01", true],
    ["01:00:5e:00:00:01", false],
    ["ff:ff:ff:ff:ff:ff", false],
    ["00:00:00:00:00:00", false],
    ["02:00:00:00:00:00:00:01", false],
  ])("%s: %s", (mac, expected) => {
    expect(isInterfaceMac(mac)).toBe(expected);
  });
});
