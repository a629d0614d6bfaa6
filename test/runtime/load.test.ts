import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CniError } from "../../src/cni/error.ts";
import { loadNetwork, NetworkNotFound } from "../../src/runtime/load.ts";
import type { Network } from "../../src/runtime/network.ts";
import { makeWorld, type World } from "./world.ts";

let world: World;
let directory: string;

beforeEach(() => {
  world = makeWorld();
  directory = path.join(world.directory, "net.d");
});
afterEach(() => world.dispose());

/** The network of that name, and the errors of files before it. */
function load(name: string): Network {
  reported = [];
  return loadNetwork(directory, name, (error) => reported.push(error));
}

let reported: CniError[];

/** What loading throws. */
function refusal(name: string): CniError {
  try {
    load(name);
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const plugins = [{ type: "bridge" }];

test("loadNetwork() takes the first list of that name in the order of the file names", () => {
  world.write("net.d/20-b.conflist", { name: "x", cniVersion: "0.4.0", plugins });
  world.write("net.d/10-a.conflist", { name: "x", cniVersion: "1.0.0", plugins });
  world.write("net.d/05-other.conflist", { name: "y", plugins });
  expect(load("x").cniVersion).toBe("1.0.0");
});

test("loadNetwork() prefers a list to a single configuration whose file comes first", () => {
  world.write("net.d/00-x.conf", { name: "x", type: "single" });
  world.write("net.d/99-x.conflist", { name: "x", plugins });
  expect(load("x").plugins.map(({ type }) => type)).toEqual(["bridge"]);
});

test.each([".conf", ".json"])("loadNetwork() turns a single configuration in *%s into a list of one", (extension) => {
  world.write(`net.d/10-x${extension}`, '{"type": "bridge", "name": "x", "cniVersion": "0.3.1", "mtu": 1500}');
  const network = load("x");
  expect(network.cniVersion).toBe("0.3.1");
  expect(network.plugins.map(({ type, name }) => [type, name])).toEqual([["bridge", "x"]]);
  expect(Buffer.from(network.bytes).toString()).toBe(
    '{"cniVersion":"0.3.1","name":"x","plugins":[{"cniVersion":"0.3.1","mtu":1500,"name":"x","type":"bridge"}]}',
  );
});

test("loadNetwork() reads a single configuration of before cniVersion, keys in any case", () => {
  world.write("net.d/rkt.conf", { NAME: "rkt.kubernetes.io", Type: "bridge" });
  const network = load("rkt.kubernetes.io");
  expect([network.cniVersion, network.plugins[0]?.type]).toEqual(["", "bridge"]);
});

test("loadNetwork() ignores folders and other extensions", () => {
  world.write("net.d/folder.conflist/10-x.conflist", { name: "x", plugins });
  world.write("net.d/10-x.conflist.bak", { name: "x", plugins });
  expect(refusal("x").message).toBe(`no net configurations found in ${directory}`);
});

test("loadNetwork() appends the plugins of the folder with the network's name", () => {
  world.write("net.d/10-x.conflist", { name: "x", plugins });
  world.write("net.d/x/20-b.conf", { type: "tuning" });
  world.write("net.d/x/10-a.conf", { type: "portmap" });
  world.write("net.d/x/30-c.json", { type: "not-taken" });
  expect(load("x").plugins.map(({ type }) => type)).toEqual(["bridge", "portmap", "tuning"]);
});

test("loadNetwork() takes a list without plugins of its own when the folder has some", () => {
  world.write("net.d/10-x.conflist", { name: "x" });
  world.write("net.d/x/10-a.conf", { type: "portmap" });
  expect(load("x").plugins.map(({ type }) => type)).toEqual(["portmap"]);
});

test("loadNetwork() leaves the folder alone when the list says loadOnlyInlinedPlugins", () => {
  world.write("net.d/10-x.conflist", { name: "x", loadOnlyInlinedPlugins: "TRUE", plugins });
  world.write("net.d/x/10-a.conf", { type: "portmap" });
  expect(load("x").plugins.map(({ type }) => type)).toEqual(["bridge"]);
});

test("loadNetwork() looks into no folder outside the directory", () => {
  world.write("net.d/10-x.conflist", { name: "../secret", plugins });
  world.write("secret/10-a.conf", { type: "portmap" });
  expect(load("../secret").plugins.map(({ type }) => type)).toEqual(["bridge"]);
});

test("loadNetwork() says which networks there are instead", () => {
  world.write("net.d/10-a.conflist", { name: "a", plugins });
  world.write("net.d/20-b.conf", { name: "b", type: "bridge" });
  const error = refusal("x");
  expect(error.message).toBe(`no net configuration with name "x" in ${directory}`);
  expect(error).toBeInstanceOf(NetworkNotFound);
  expect(error).toMatchObject({ code: 7, details: "", found: ["a", "b"] });
});

test("loadNetwork() says that a directory with lists, but without the one asked for, has not got it", () => {
  world.write("net.d/10-a.conflist", { name: "a", plugins });
  expect(refusal("x").message).toBe(`no net configuration with name "x" in ${directory}`);
});

test("loadNetwork() says that a directory which is not there has nothing", () => {
  expect(refusal("x").message).toBe(`no net configurations found in ${directory}`);
});

const prefix = "error parsing configuration list:";

test.each([
  ["{", 6, `${prefix} unexpected end of JSON input`],
  ["[]", 7, `${prefix} must be an object, found []interface {}`],
  ["null", 7, `${prefix} no name`],
  ["{}", 7, `${prefix} no name`],
  ['{"name": 7}', 7, `${prefix} invalid name type float64`],
  ['{"name": null}', 7, `${prefix} invalid name type <nil>`],
  ['{"name": "x", "cniVersion": 1.0}', 7, `${prefix} invalid cniVersion type float64`],
  ['{"name": "x", "cniVersions": "1.0.0"}', 7, `${prefix} invalid type for cniVersions: string`],
  [
    '{"name": "x", "cniVersions": ["1.0.0", {}]}',
    7,
    `${prefix} invalid type for cniVersions index 1: map[string]interface {}`,
  ],
  ['{"name": "x", "cniVersions": ["one"]}', 7, `${prefix} invalid cniVersions entry one at index 0`],
  ['{"name": "x", "cniVersion": "one", "cniVersions": []}', 7, `${prefix} invalid cniVersion one`],
  ['{"name": "x", "disableCheck": 1}', 7, `${prefix} invalid type float64 for disableCheck`],
  ['{"name": "x", "disableGC": "Yes"}', 7, `${prefix} invalid value "yes" for disableGC`],
  ['{"name": "x", "loadOnlyInlinedPlugins": null}', 7, `${prefix} invalid type <nil> for loadOnlyInlinedPlugins`],
  [
    '{"name": "x", "loadOnlyInlinedPlugins": true}',
    7,
    `${prefix} \`loadOnlyInlinedPlugins\` is true, and no 'plugins' key`,
  ],
  ['{"name": "x", "plugins": {}}', 7, `${prefix} invalid 'plugins' type map[string]interface {}`],
  ['{"name": "x", "plugins": []}', 7, `${prefix} no plugins in list`],
  ['{"name": "x"}', 7, "no plugin configs found"],
  ['{"name": "x", "plugins": [{}]}', 7, "failed to parse plugin config 0: error parsing configuration: missing 'type'"],
  [
    '{"name": "x", "plugins": [null]}',
    7,
    "failed to parse plugin config 0: error parsing configuration: missing 'type'",
  ],
  [
    '{"name": "x", "plugins": [{"type": "a"}, {"type": 1}]}',
    7,
    "failed to parse plugin config 1: error parsing configuration: Cannot use type 1: must be a string",
  ],
  [
    '{"name": "x", "plugins": [{"type": "a", "capabilities": {"ips": "yes"}}]}',
    7,
    'failed to parse plugin config 0: error parsing configuration: Cannot use capabilities.ips "yes": must be a boolean',
  ],
])("the list %s is left out, and the error has its file", (text, code, message) => {
  const file = world.write("net.d/10-a.conflist", text);
  world.write("net.d/20-x.conflist", { name: "x", cniVersion: "1.0.0", plugins });
  expect(load("x").cniVersion).toBe("1.0.0");
  expect(reported.map(({ code, message, details }) => [code, message, details])).toEqual([
    [code, message, code === 6 ? `${file}:1:2` : file],
  ]);
});

test.each([
  ["{]", 6, ":1:2", "error parsing configuration: invalid character ']' looking for beginning of object key string"],
  ['{"name": "x"}', 7, "", "error parsing configuration: missing 'type'"],
  [
    '{"name": "x", "plugins": []}',
    7,
    "",
    "error parsing configuration: missing 'type' (it has 'plugins': the file of a list ends in .conflist)",
  ],
  [
    '{"name": "x"\n"type": "bridge"}',
    6,
    ":2:1",
    "error parsing configuration: invalid character '\"' after object key:value pair (a comma may be missing before it)",
  ],
])("the single configuration %s is left out, and the error has its file", (text, code, at, message) => {
  const file = world.write("net.d/10-a.conf", text);
  world.write("net.d/20-x.conf", { name: "x", type: "bridge" });
  expect(load("x").plugins.map(({ type }) => type)).toEqual(["bridge"]);
  expect(reported.map(({ code, message, details }) => [code, message, details])).toEqual([
    [code, message, `${file}${at}`],
  ]);
});

test("loadNetwork() names the files that cannot be read when it does not find the network", () => {
  const list = world.write("net.d/10-a.conflist", '{\n  "name": "x",\n  "plugins": [}\n}');
  const single = world.write("net.d/20-b.conf", "{}");
  world.write("net.d/30-c.conflist", { name: "y", plugins });
  const error = refusal("x");
  expect(error).toBeInstanceOf(NetworkNotFound);
  expect(error).toMatchObject({ code: 7, found: ["y"], message: `no net configuration with name "x" in ${directory}` });
  expect(error.details).toBe(
    [
      `${list}:3:15: error parsing configuration list: invalid character '}' looking for beginning of value`,
      `${single}: error parsing configuration: missing 'type'`,
    ].join("; "),
  );
});

test("loadNetwork() reports no file that comes after the network", () => {
  world.write("net.d/10-x.conflist", { name: "x", plugins });
  world.write("net.d/20-a.conflist", "{");
  load("x");
  expect(reported).toEqual([]);
});

test.each([
  [{ cniVersion: "0.4.0" }, "0.4.0"],
  [{ cniVersion: "9.9.9" }, "9.9.9"],
  [{ cniVersions: ["0.4.0", "1.1.0", "1.0.0"] }, "1.1.0"],
  [{ cniVersion: "1.1.0", cniVersions: ["0.4.0", "1.0.0"] }, "1.1.0"],
  [{ cniVersion: "0.3.1", cniVersions: ["1.2.0", "0.4.0"] }, "0.4.0"],
  [{ cniVersion: "2.0.0", cniVersions: ["1.0.0"] }, "1.0.0"],
  [{ cniVersion: "2.0.0", cniVersions: ["3.0.0"] }, "2.0.0"],
  [{ cniVersions: [] }, ""],
  [{}, ""],
])("loadNetwork() chooses the version of %j", (versions, chosen) => {
  world.write("net.d/10-x.conflist", { name: "x", ...versions, plugins });
  expect(load("x").cniVersion).toBe(chosen);
});

test.each([
  [{ disableCheck: true, disableGC: "False" }, [true, false]],
  [{ disableCheck: "tRuE", disableGC: true }, [true, true]],
  [{}, [false, false]],
])("loadNetwork() reads the switches of %j", (switches, expected) => {
  world.write("net.d/10-x.conflist", { name: "x", ...switches, plugins });
  const { disableCheck, disableGC } = load("x");
  expect([disableCheck, disableGC]).toEqual(expected);
});
