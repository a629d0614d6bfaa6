import fs from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as scalars from "../../src/cni/scalars.ts";
import { listsOf } from "../documents/blocks.ts";
import { PATTERNS } from "../documents/json-schema.ts";
import { PLUGINS, read, root } from "../repository/tree.ts";
import { makeStage, type Stage } from "./stage.ts";

const LISTS = fs.globSync(["conf/**/*.conflist", "test/clients/published/*.conflist"], { cwd: root });
/** minikube writes a key that no plugin reads. */
const WITH_FOREIGN_KEY = "test/clients/published/1-k8s.conflist";
const SINGLES = fs.globSync("conf/**/*.conf", { cwd: root });
const PAGES = fs.globSync(["README.md", "docs/*.md", "plugins/*/README.md"], { cwd: root });

let stage: Stage;

beforeEach(() => {
  stage = makeStage();
});
afterEach(() => stage.dispose());

/** The schema that the command prints. */
function printed(...args: readonly string[]): object {
  const { code, out, err } = stage.cnictl(["schema", ...args]);
  expect([code, err]).toEqual([0, ""]);
  return JSON.parse(out);
}

const validators = new Map<string, ValidateFunction>();

/** A schema's validator. That of a whole list takes a while to make. */
function validatorOf(schema: object): ValidateFunction {
  const key = JSON.stringify(schema);
  const made = validators.get(key);
  if (made !== undefined) return made;
  const validate = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true }).compile(schema);
  validators.set(key, validate);
  return validate;
}

/** What a schema finds in a value: the paths, each with the keyword that is not kept. */
function refusals(schema: object, value: unknown): readonly string[] {
  const validate = validatorOf(schema);
  if (validate(value)) return [];
  return (validate.errors ?? [])
    .filter(({ keyword }) => keyword !== "if")
    .map((each) => `${each.instancePath} ${each.keyword}`);
}

function listOf(...plugins: readonly object[]): object {
  return { cniVersion: "1.0.0", name: "net", plugins };
}

const HOST_LOCAL = { type: "host-local", subnet: "10.1.0.0/16" };

describe("cnictl schema", () => {
  it("prints what is in the folder schema: of lists without an operand, else of a plugin", () => {
    expect(printed()).toEqual(JSON.parse(read("schema/network.json")));
    for (const name of PLUGINS) expect(printed(name)).toEqual(JSON.parse(read(`schema/${name}.json`)));
  });

  it("answers an unknown plugin with the nearest one", () => {
    expect(stage.cnictl(["schema", "bridg"])).toMatchObject({ code: 1, out: "" });
    expect(stage.cnictl(["schema", "bridg"]).err).toContain('did you mean "bridge"?');
    expect(stage.cnictl(["schema", "ipam"]).err).toContain('no schema of a plugin "ipam"');
  });

  it.each(LISTS)("takes the list %s, but for a key that no plugin reads", (file) => {
    const text = read(file);
    const expected = file === WITH_FOREIGN_KEY ? ["/plugins/0 additionalProperties"] : [];
    expect(refusals(printed(), JSON.parse(text.slice(text.indexOf("{"))))).toEqual(expected);
  });

  it.each(SINGLES)("takes the configuration %s", (file) => {
    const json: { type: string } = JSON.parse(read(file));
    expect(refusals(printed(json.type), json)).toEqual([]);
  });

  it("takes every list that a document has the reader write into the folder of networks", () => {
    const lists = PAGES.flatMap((file) => listsOf(read(file)));
    expect(lists.length).toBeGreaterThan(5);
    for (const list of lists) expect(refusals(printed(), JSON.parse(list)), list).toEqual([]);
  });

  it.each([
    [
      "plugins of others, comments, and what the runtime adds",
      listOf(
        { type: "sriov", mode: "bridge", ipam: { type: "whereabouts", x: 1 } },
        { type: "loopback", _mtu: 1, "//": "why" },
      ),
    ],
    [
      "capabilities, args and an IPAM plugin of others",
      listOf({
        type: "bridge",
        capabilities: { mac: true },
        args: { cni: { ips: [] }, x: 1 },
        ipam: { type: "whereabouts", range: "10.1.0.0/16" },
      }),
    ],
    ["a list whose plugins are in other files", { name: "net", disableCheck: "True", $schema: "x", nerdctlID: "y" }],
    ["every form of an MTU", listOf({ type: "bridge", mtu: "auto" }, { type: "bridge", mtu: 9000 })],
  ])("takes %s", (_, list) => {
    expect(refusals(printed(), list)).toEqual([]);
  });

  it.each([
    [listOf({ type: "bridge", isGatway: true }), "/plugins/0 additionalProperties"],
    [listOf({ type: "bridge", hairpinMode: "yes" }), "/plugins/0/hairpinMode type"],
    [listOf({ type: "bridge", mtu: -1 }), "/plugins/0/mtu anyOf"],
    [listOf({ type: "bridge", vlanTrunk: [{ minId: 5 }] }), "/plugins/0/vlanTrunk/0 additionalProperties"],
    [listOf({ type: "bridge", nonMasqueradeCIDRs: ["10.0.0.1"] }), "/plugins/0/nonMasqueradeCIDRs/0 pattern"],
    [listOf({ type: "bridge", ipam: { ...HOST_LOCAL, gatway: "10.1.0.1" } }), "/plugins/0/ipam additionalProperties"],
    [
      listOf({ type: "bridge", ipam: { type: "host-local", ranges: [{ subnet: "10.1.0.0/16" }] } }),
      "/plugins/0/ipam/ranges/0 type",
    ],
    [listOf({ type: "bridge", ipam: { ...HOST_LOCAL, releaseDelay: 1e9 } }), "/plugins/0/ipam/releaseDelay maximum"],
    [
      listOf({ type: "bridge", ipam: { ...HOST_LOCAL, routes: [{ gw: "10.1.0.1" }] } }),
      "/plugins/0/ipam/routes/0 required",
    ],
    [listOf({ type: "portmap", capabilities: ["portMappings"] }), "/plugins/0/capabilities type"],
    [listOf({ type: "tuning", sysctl: { "net.core.somaxconn": 500 } }), "/plugins/0/sysctl/net.core.somaxconn type"],
    [listOf({ type: "tuning", mac: "bridge" }), "/plugins/0/mac pattern"],
    [listOf({ typ: "bridge" }), "/plugins/0 required"],
    [listOf(), "/plugins minItems"],
    [{ cniVersion: "1.2.3", name: "n/a", plugins: [{ type: "loopback" }] }, "/cniVersion enum"],
    [{ name: "n/a" }, "/name pattern"],
    [{ plugins: [{ type: "loopback" }] }, " required"],
  ])("refuses %j", (list, expected) => {
    expect(refusals(printed(), list)).toContain(expected);
  });

  it("describes each field of the pages, with its default", () => {
    const { definitions } = JSON.parse(read("schema/network.json"));
    expect(definitions.bridge.properties.bridge).toEqual({
      description: 'The bridge; ADD creates it if it does not exist. Default: "cni0".',
      default: "cni0",
      type: "string",
    });
    expect(definitions["host-local"].properties.ranges.items.items.properties.rangeStart.description).toMatch(
      /first address/,
    );
  });
});

describe("PATTERNS", () => {
  const TEXTS = [
    "",
    "10.1.0.0/16",
    "fd00::1/64",
    "::ffff:10.0.0.0/112",
    "10.1.0.1",
    "fd00::1",
    "0a:58:0a:01:00:02",
    "0A-58-0A-01-00-02",
    "0a58.0a01.0002",
    "0a580a010002",
    "/run",
  ];

  it("take every text that the readers take, and refuse a word", () => {
    for (const [read, pattern] of PATTERNS) {
      const reader = Object.values(scalars).find((each) => each === read);
      const taken = TEXTS.filter((text) => reader?.(text) !== null);
      expect(taken.filter((text) => !new RegExp(pattern).test(text))).toEqual([]);
      expect(taken.length).toBeGreaterThan(1);
      expect(new RegExp(pattern).test("word!")).toBe(false);
    }
  });
});
