import { describe, expect, test } from "vitest";
import {
  createRequest,
  findIpamType,
  findPrevResult,
  type Request,
  readNetwork,
  readVersion,
  requirePrevResult,
  validAttachments,
} from "../../src/cni/request.ts";
import { isSpecVersion } from "../../src/cni/version.ts";
import { parsePrefix } from "../../src/ip/prefix.ts";

function request(configuration: unknown, environment: Readonly<Record<string, string>> = {}): Request {
  const stdin = Buffer.from(JSON.stringify(configuration));
  const network = readNetwork(stdin);
  const version = readVersion(network.json);
  if (!isSpecVersion(version)) throw new Error(`no version: ${version}`);
  return createRequest("ADD", { network, version, stdin, environment, log: () => {} });
}

describe("createRequest", () => {
  test("takes absent variables for empty and leaves empty folders out of the path", () => {
    expect(request({ name: "n" })).toMatchObject({ containerId: "", netns: "", ifname: "", args: "", path: [] });
    expect(request({ name: "n" }, { CNI_PATH: ":/a::/b:" }).path).toEqual(["/a", "/b"]);
  });
});

describe("findIpamType", () => {
  test.each([
    ["host-local", { ipam: { type: "host-local" } }],
    ["host-local", { IPAM: { TYPE: "host-local", subnet: 5 } }],
    [undefined, {}],
    [undefined, { ipam: null }],
    [undefined, { ipam: {} }],
    [undefined, { ipam: { type: "" } }],
    [undefined, { ipam: { type: 5 } }],
    [undefined, { ipam: "host-local" }],
  ])("is %j in %j", (type, configuration) => {
    expect(findIpamType(request({ name: "n", ...configuration }))).toBe(type);
  });
});

describe("Request.prevResult", () => {
  const ips = [{ address: "10.1.2.3/24" }];

  test.each([undefined, null])("is undefined where it is %j", (prevResult) => {
    expect(request({ cniVersion: "1.0.0", name: "n", prevResult }).prevResult).toBeUndefined();
  });

  test.each([{ ips }, { ips, cniVersion: "" }, { ips, cniVersion: "1.1.0" }])(
    "is read in the configuration's version: %j",
    (prevResult) => {
      const expected = [{ address: parsePrefix("10.1.2.3/24") }];
      expect(request({ cniVersion: "1.0.0", name: "n", PrevResult: prevResult }).prevResult?.ips).toEqual(expected);
    },
  );

  test("is empty where it is empty", () => {
    const empty = { interfaces: [], ips: [], routes: [], dns: {} };
    expect(request({ cniVersion: "1.0.0", name: "n", prevResult: {} }).prevResult).toEqual(empty);
  });

  test.each([
    [
      { cniVersion: "0.4.0", ips },
      'could not parse prevResult: result type supports [1.0.0 1.1.0] but unmarshalled CNIVersion is "0.4.0"',
    ],
    [[], "could not parse prevResult: a result must be an object, found array"],
    [
      { ips: [{ address: "x" }] },
      'could not parse prevResult: Cannot use ips[0].address "x": must be an IP prefix such as 10.1.0.0/16',
    ],
  ])("is refused with code 7 when it is read, not before: %j", (prevResult, message) => {
    const given = request({ cniVersion: "1.1.0", name: "n", prevResult });
    expect(() => given.prevResult).toThrow(expect.objectContaining({ code: 7, message }));
  });
});

describe("requirePrevResult", () => {
  test("is the result, and refuses a call without one in the plugin's words", () => {
    expect(requirePrevResult(request({ cniVersion: "1.0.0", name: "n", prevResult: {} })).ips).toEqual([]);
    const bare = request({ name: "n" });
    const refusal = (message: string) => expect.objectContaining({ code: 7, message });
    expect(() => requirePrevResult(bare)).toThrow(refusal("Required prevResult missing"));
    expect(() => requirePrevResult(bare, "must be chained")).toThrow(refusal("must be chained"));
  });
});

describe("findPrevResult", () => {
  test("is the result, and undefined where there is none or it cannot be read: DEL goes on", () => {
    expect(findPrevResult(request({ cniVersion: "1.0.0", name: "n", prevResult: {} }))?.ips).toEqual([]);
    expect(findPrevResult(request({ name: "n" }))).toBeUndefined();
    expect(findPrevResult(request({ name: "n", prevResult: [] }))).toBeUndefined();
  });

  test("hides no bug", () => {
    const broken = {
      get prevResult(): never {
        throw new TypeError("a bug");
      },
    };
    expect(() => findPrevResult(broken)).toThrow("a bug");
  });
});

describe("validAttachments", () => {
  const key = "cni.dev/valid-attachments";

  test("tells no list from an empty one", () => {
    expect(validAttachments(request({ name: "n" }))).toBeUndefined();
    expect(validAttachments(request({ name: "n", [key]: null }))).toBeUndefined();
    expect(validAttachments(request({ name: "n", [key]: [] }))).toEqual([]);
  });

  test("reads the list, and not the old misspelling", () => {
    const list = [{ containerID: "a", ifname: "eth0" }];
    expect(validAttachments(request({ name: "n", [key]: list }))).toEqual([{ containerId: "a", ifname: "eth0" }]);
    const known = [{ ...list[0], addresses: ["10.1.0.2", ""] }];
    expect(validAttachments(request({ name: "n", [key]: known }))).toEqual([
      { containerId: "a", ifname: "eth0", addresses: [{ family: 4, value: 0x0a010002n }] },
    ]);
    expect(validAttachments(request({ name: "n", "cni.dev/attachments": list }))).toBeUndefined();
  });

  test.each([
    [{}, `Cannot use ${key} {}: must be a list`],
    [[{ ifname: "eth0" }], `Cannot find ${key}[0].containerID: must be a string`],
  ])("refuses %j", (list, message) => {
    expect(() => validAttachments(request({ name: "n", [key]: list }))).toThrow(
      expect.objectContaining({ code: 7, message }),
    );
  });
});
