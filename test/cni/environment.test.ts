import { describe, expect, test } from "vitest";
import { validateContainerId, validateIfname, validateNetworkName } from "../../src/cni/environment.ts";
import { CniError } from "../../src/cni/error.ts";

function refusalOf(check: () => void): { code: number; msg: string; details: string } | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    return { code: error.code, msg: error.message, details: error.details };
  }
}

const CHARACTERS = "interface name contains / or : or whitespace characters";

describe("validateContainerId", () => {
  test.each(["a", "0", "A_b.c-d", "a".repeat(4096)])("takes %.20s", (id) => {
    expect(refusalOf(() => validateContainerId(id))).toBeUndefined();
  });

  test.each(["-a", "_a", ".a", "a b", "a/b", "a\n", "\n", "a:b", "é", "../a"])("refuses %j", (id) => {
    const refusal = { code: 4, msg: "invalid characters in containerID", details: id };
    expect(refusalOf(() => validateContainerId(id))).toEqual(refusal);
  });
});

describe("validateNetworkName", () => {
  test.each(["a", "rkt.kubernetes.io", "My_net-0"])("takes %s", (name) => {
    expect(refusalOf(() => validateNetworkName(name))).toBeUndefined();
  });

  test.each(["-a", "a b", "../a", "a/b", "a\n"])("refuses %j", (name) => {
    const refusal = { code: 7, msg: "invalid characters found in network name", details: name };
    expect(refusalOf(() => validateNetworkName(name))).toEqual(refusal);
  });

  test("refuses none at all", () => {
    expect(refusalOf(() => validateNetworkName(""))).toEqual({ code: 7, msg: "missing network name", details: "" });
  });
});

describe("validateIfname", () => {
  // U+FEFF is white space to JavaScript's \s and not to Go.
  test.each(["eth0", "a", "0123456789abcde", "...", "eth0.100", "ééééééé", "a\ufeffb", "-"])("takes %j", (name) => {
    expect(refusalOf(() => validateIfname(name))).toBeUndefined();
  });

  test.each(["0123456789abcdef", "éééééééé", "网络接口名字"])("refuses %s: more than 15 bytes", (name) => {
    const details = "interface name should be less than 16 characters";
    expect(refusalOf(() => validateIfname(name))).toEqual({ code: 4, msg: "interface name is too long", details });
  });

  test.each([".", ".."])("refuses %s", (name) => {
    expect(refusalOf(() => validateIfname(name))).toEqual({ code: 4, msg: "interface name is . or ..", details: "" });
  });

  test.each([
    "a/b",
    "a:b",
    "a b",
    "a\tb",
    "a\n",
    "\v",
    "\f",
    "\r",
    "a\u0085",
    "a\u00a0",
    "a\u1680",
    "a\u2003",
    "a\u3000",
  ])("refuses %j", (name) =>
    expect(refusalOf(() => validateIfname(name))).toEqual({ code: 4, msg: CHARACTERS, details: "" }),
  );

  test("refuses none at all", () => {
    expect(refusalOf(() => validateIfname(""))).toEqual({ code: 4, msg: "interface name is empty", details: "" });
  });
});
