import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CniError } from "../../src/cni/error.ts";
import { listNetworkFiles, loadNetwork, NetworkNotFound } from "../../src/runtime/load.ts";
import { makeWorld, type World } from "./world.ts";

let world: World;
let directory: string;

beforeEach(() => {
  world = makeWorld();
  directory = path.join(world.directory, "net.d");
});
afterEach(() => world.dispose());

/** What loading throws. */
function refusal(name: string): CniError {
  try {
    loadNetwork(directory, name);
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
  expect(loadNetwork(directory, "x").cniVersion).toBe("1.0.0");
});

test("loadNetwork() prefers a list to a single configuration whose file comes first", () => {
  world.write("net.d/00-x.conf", { name: "x", type: "single" });
  world.write("net.d/99-x.conflist", { name: "x", plugins });
  expect(loadNetwork(directory, "x").plugins.map(({ type }) => type)).toEqual(["bridge"]);
});

test.each([".conf", ".json"])("loadNetwork() turns a single configuration in *%s into a list of one", (extension) => {
  world.write(`net.d/10-x${extension}`, '{"type": "bridge", "name": "x", "cniVersion": "0.3.1", "mtu": 1500}');
  const network = loadNetwork(directory, "x");
  expect(network.cniVersion).toBe("0.3.1");
  expect(network.plugins.map(({ type, name }) => [type, name])).toEqual([["bridge", "x"]]);
  expect(Buffer.from(network.bytes).toString()).toBe(
    '{"cniVersion":"0.3.1","name":"x","plugins":[{"cniVersion":"0.3.1","mtu":1500,"name":"x","type":"bridge"}]}',
  );
});

test("loadNetwork() reads a single configuration of before cniVersion, keys in any case", () => {
  world.write("net.d/rkt.conf", { NAME: "rkt.kubernetes.io", Type: "bridge" });
  const network = loadNetwork(directory, "rkt.kubernetes.io");
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
  expect(loadNetwork(directory, "x").plugins.map(({ type }) => type)).toEqual(["bridge", "portmap", "tuning"]);
});

test("loadNetwork() takes a list without plugins of its own when the folder has some", () => {
  world.write("net.d/10-x.conflist", { name: "x" });
  world.write("net.d/x/10-a.conf", { type: "portmap" });
  expect(loadNetwork(directory, "x").plugins.map(({ type }) => type)).toEqual(["portmap"]);
});

test("loadNetwork() leaves the folder alone when the list says loadOnlyInlinedPlugins", () => {
  world.write("net.d/10-x.conflist", { name: "x", loadOnlyInlinedPlugins: "TRUE", plugins });
  world.write("net.d/x/10-a.conf", { type: "portmap" });
  expect(loadNetwork(directory, "x").plugins.map(({ type }) => type)).toEqual(["bridge"]);
});

test("loadNetwork() looks into no folder outside the directory", () => {
  world.write("net.d/10-x.conflist", { name: "../secret", plugins });
  world.write("secret/10-a.conf", { type: "portmap" });
  expect(loadNetwork(directory, "../secret").plugins.map(({ type }) => type)).toEqual(["bridge"]);
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
])("loadNetwork() refuses the list %s, and names its file", (text, code, message) => {
  const file = world.write("net.d/10-a.conflist", text);
  world.write("net.d/20-x.conflist", { name: "x", plugins });
  const error = refusal("x");
  expect(error.message).toBe(message);
  expect(error).toMatchObject({ code, details: file });
});

test.each([
  ["{]", 6, "error parsing configuration: invalid character ']' looking for beginning of object key string"],
  ['{"name": "x"}', 7, "error parsing configuration: missing 'type'"],
])("loadNetwork() refuses the single configuration %s, and names its file", (text, code, message) => {
  const file = world.write("net.d/10-a.conf", text);
  const error = refusal("x");
  expect(error.message).toBe(message);
  expect(error).toMatchObject({ code, details: file });
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
  expect(loadNetwork(directory, "x").cniVersion).toBe(chosen);
});

test.each([
  [{ disableCheck: true, disableGC: "False" }, [true, false]],
  [{ disableCheck: "tRuE", disableGC: true }, [true, true]],
  [{}, [false, false]],
])("loadNetwork() reads the switches of %j", (switches, expected) => {
  world.write("net.d/10-x.conflist", { name: "x", ...switches, plugins });
  const { disableCheck, disableGC } = loadNetwork(directory, "x");
  expect([disableCheck, disableGC]).toEqual(expected);
});

test("listNetworkFiles() has each file's network or its error: a broken file stops itself alone", () => {
  world.write("net.d/10-a.conflist", { name: "a", plugins });
  world.write("net.d/20-b.conflist", '{"name": "b",');
  world.write("net.d/30-c.conf", { name: "c", type: "single" });
  world.write("net.d/40-d.json", { name: "d" });
  const found = listNetworkFiles(directory).map(({ file, isSingle, network, error }) => {
    return [path.basename(file), isSingle, network?.name ?? error?.details];
  });
  expect(found).toEqual([
    ["10-a.conflist", false, "a"],
    ["20-b.conflist", false, path.join(directory, "20-b.conflist")],
    ["30-c.conf", true, "c"],
    ["40-d.json", true, path.join(directory, "40-d.json")],
  ]);
});

test("listNetworkFiles() finds none in a folder that does not exist", () => {
  expect(listNetworkFiles(path.join(directory, "missing"))).toEqual([]);
});
