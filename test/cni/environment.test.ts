import { describe, expect, test } from "vitest";
import {
  validateContainerId,
  validateIfname,
  validateLinkName,
  validateNetworkName,
  validateNewLinkName,
} from "../../src/cni/environment.ts";
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

  test.each([
    ["/".repeat(256), "/".repeat(256)],
    ["/".repeat(257), `${"/".repeat(256)}…`],
  ])("quotes at most 256 characters of what it refuses", (name, details) => {
    expect(refusalOf(() => validateNetworkName(name))).toMatchObject({ code: 7, details });
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

describe.each([
  ["validateLinkName", validateLinkName],
  ["validateNewLinkName", validateNewLinkName],
])("%s", (_, validate) => {
  test("takes a name that the kernel takes", () => {
    expect(refusalOf(() => validate("device", "eth0.100"))).toBeUndefined();
  });

  test.each([
    ["", "interface name is empty"],
    ["a/b", CHARACTERS],
    ["eth0\0", "interface name contains NUL"],
    ["0".repeat(128), "interface name is too long"],
  ])("refuses %j, and names what it is for", (name, reason) => {
    const msg = `Cannot use device ${JSON.stringify(name)}: ${reason}`;
    expect(refusalOf(() => validate("device", name))).toEqual({ code: 7, msg, details: "" });
  });
});

test("one of a link's other names may have 127 bytes, but not the name of a link that is to be made", () => {
  const name = "e".repeat(127);
  expect(refusalOf(() => validateLinkName("device", name))).toBeUndefined();
  expect(refusalOf(() => validateLinkName("device", `${name.slice(1)}\0`))).toMatchObject({ code: 7 });
  const msg = `Cannot use bridge "${name.slice(0, 16)}": interface name is too long`;
  expect(refusalOf(() => validateNewLinkName("bridge", name.slice(0, 16)))).toEqual({ code: 7, msg, details: "" });
});

test("only a link that is to be made may not have a % in its name", () => {
  expect(refusalOf(() => validateLinkName("device", "eth%d"))).toBeUndefined();
  const msg = 'Cannot use bridge "br%d": interface name contains %';
  expect(refusalOf(() => validateNewLinkName("bridge", "br%d"))).toEqual({ code: 7, msg, details: "" });
});
