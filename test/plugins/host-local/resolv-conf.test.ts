import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { parseResolvConf, readResolvConf } from "../../../plugins/host-local/resolv-conf.ts";
import { refusal } from "./refusal.ts";

describe("parseResolvConf()", () => {
  test("D1: reads name servers, also from indented lines", () => {
    const dns = parseResolvConf("\n\t\tnameserver 192.0.2.0\n\t\tnameserver 192.0.2.1\n\t\t");
    expect(dns).toEqual({ nameservers: ["192.0.2.0", "192.0.2.1"] });
  });

  test("D2: ignores comments", () => {
    expect(parseResolvConf("\nnameserver 192.0.2.0\n;nameserver 192.0.2.1\n")).toEqual({ nameservers: ["192.0.2.0"] });
  });

  test("D3: adds up every keyword but domain", () => {
    const text = [
      "nameserver 192.0.2.0",
      "nameserver 192.0.2.2",
      "domain example.com",
      ";nameserver comment",
      "#nameserver comment",
      "search example.net example.org",
      "search example.gov",
      "options one two three",
      "options four",
    ].join("\n");
    expect(parseResolvConf(text)).toEqual({
      nameservers: ["192.0.2.0", "192.0.2.2"],
      domain: "example.com",
      search: ["example.net", "example.org", "example.gov"],
      options: ["one", "two", "three", "four"],
    });
  });

  test("takes the last domain, the first name of a nameserver line, and nothing from a keyword alone", () => {
    const text =
      "domain a.example\r\ndomain b.example extra\r\nnameserver\r\nnameserver 192.0.2.1 192.0.2.2\r\nsortlist x\r\n";
    expect(parseResolvConf(text)).toEqual({ nameservers: ["192.0.2.1"], domain: "b.example" });
  });

  test("reads nothing from an empty file", () => {
    expect(parseResolvConf("")).toEqual({});
  });
});

test("readResolvConf() names a file that it cannot read", () => {
  const missing = path.join(os.tmpdir(), "no-such-resolv.conf");
  fs.rmSync(missing, { force: true });
  expect(refusal(() => readResolvConf(missing))).toEqual({
    code: 5,
    message: `Cannot read resolvConf "${missing}": ENOENT: no such file or directory, open '${missing}'`,
  });
});
