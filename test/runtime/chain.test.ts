import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addNetwork, checkNetwork, deleteNetwork } from "../../src/runtime/chain.ts";
import { parseNetwork } from "../../src/runtime/network.ts";
import type { Target } from "../../src/runtime/runtime.ts";
import { formatStated } from "../../src/runtime/stated-result.ts";
import { type Answer, makeWorld, type World } from "./world.ts";

const FILE = "cache/results/x-c1-eth0";
const attachment = {
  containerId: "c1",
  netns: "/run/netns/blue",
  ifname: "eth0",
  args: [],
  capabilityArgs: {},
} as const;

let world: World;

beforeEach(() => {
  world = makeWorld();
});
afterEach(() => world.dispose());

function target(list: object, changes: Partial<Target["attachment"]> = {}): Target {
  const network = parseNetwork(Buffer.from(JSON.stringify({ name: "x", cniVersion: "1.0.0", ...list })));
  return { network, attachment: { ...attachment, ...changes } };
}

/** Answers ADD with a result of that version that has one interface. */
function adds(name: string, cniVersion = "1.0.0"): Answer {
  return ({ environment }) =>
    environment["CNI_COMMAND"] === "ADD" ? { stdout: JSON.stringify({ cniVersion, interfaces: [{ name }] }) } : {};
}

function fails(code: number, msg: string, details?: string): Answer {
  return () => ({ status: 1, stdout: JSON.stringify({ code, msg, details }) });
}

const order = () => world.calls.map(({ type, environment }) => `${environment["CNI_COMMAND"]} ${type}`);
const inputs = () => world.calls.map(({ stdin }): unknown => JSON.parse(stdin));
const three = { plugins: [{ type: "a" }, { type: "b" }, { type: "c" }] };

test("addNetwork() calls the plugins in order, each with the result of the one before", () => {
  world.plugin("a", adds("1"));
  world.plugin("b", adds("2"));
  world.plugin("c", adds("3"));
  const stated = addNetwork(world.runtime, target(three));
  expect(order()).toEqual(["ADD a", "ADD b", "ADD c"]);
  const common = { cniVersion: "1.0.0", name: "x" };
  expect(inputs()).toEqual([
    { ...common, type: "a" },
    { ...common, type: "b", prevResult: { cniVersion: "1.0.0", interfaces: [{ name: "1" }] } },
    { ...common, type: "c", prevResult: { cniVersion: "1.0.0", interfaces: [{ name: "2" }] } },
  ]);
  expect(formatStated(stated)).toBe(`{
    "cniVersion": "1.0.0",
    "interfaces": [
        {
            "name": "3"
        }
    ]
}`);
});

test("addNetwork() sets the protocol's six variables over the caller's environment", () => {
  world.plugin("a", adds("1"));
  const runtime = {
    ...world.runtime,
    environment: { HOME: "/root", CNI_COMMAND: "stale" },
    path: [...world.runtime.path, "/nowhere"],
  };
  addNetwork(
    runtime,
    target(
      { plugins: [{ type: "a" }] },
      {
        args: [
          ["A", "b"],
          ["C", "d"],
        ],
      },
    ),
  );
  expect(world.calls[0]?.environment).toEqual({
    HOME: "/root",
    CNI_COMMAND: "ADD",
    CNI_CONTAINERID: "c1",
    CNI_NETNS: "/run/netns/blue",
    CNI_ARGS: "A=b;C=d",
    CNI_IFNAME: "eth0",
    CNI_PATH: `${world.directory}/bin:/nowhere`,
  });
});

test("addNetwork() gives a plugin the bytes that the library gives it", () => {
  world.plugin("echo", adds("e"));
  const plugin = {
    type: "echo",
    n: 1.5,
    a: "<&>",
    capabilities: { portMappings: true, off: false },
    runtimeConfig: { old: 1 },
  };
  addNetwork(
    world.runtime,
    target({ plugins: [plugin] }, { capabilityArgs: { portMappings: [{ hostPort: 80 }], zz: {}, off: 1 } }),
  );
  // Captured from cnitool 1.3.0.
  expect(world.calls[0]?.stdin).toBe(
    String.raw`{"a":"\u003c\u0026\u003e","capabilities":{"off":false,"portMappings":true},"cniVersion":"1.0.0","n":1.5,"name":"x","runtimeConfig":{"portMappings":[{"hostPort":80}]},"type":"echo"}`,
  );
});

test("addNetwork() leaves a plugin's own runtimeConfig where no capability of it is offered", () => {
  world.plugin("a", adds("1"));
  const plugin = { type: "a", capabilities: { ips: true }, runtimeConfig: { ips: ["10.0.0.2/8"] } };
  addNetwork(world.runtime, target({ plugins: [plugin] }, { capabilityArgs: { mac: "0a:00:00:00:00:01" } }));
  expect(inputs()[0]).toMatchObject({ runtimeConfig: { ips: ["10.0.0.2/8"] } });
});

test("addNetwork() overrules name and cniVersion of a plugin's object, written in any case", () => {
  world.plugin("a", adds("1"));
  addNetwork(world.runtime, target({ plugins: [{ type: "a", name: "y", Name: "z", cniVersion: "0.1.0" }] }));
  expect(world.calls[0]?.stdin).toBe('{"Name":"z","cniVersion":"1.0.0","name":"x","type":"a"}');
});

test("addNetwork() takes a result without a version to be of the list's, and hands on one of another as it came", () => {
  world.plugin("a", () => ({ stdout: '{"interfaces":[{"name":"1"}]}' }));
  world.plugin("b", adds("2", "0.4.0"));
  world.plugin("c", adds("3"));
  addNetwork(world.runtime, target(three));
  expect(inputs().slice(1)).toMatchObject([
    { prevResult: { cniVersion: "1.0.0" } },
    { prevResult: { cniVersion: "0.4.0", dns: {} } },
  ]);
});

test("addNetwork() takes a printed null for an empty result", () => {
  world.plugin("a", () => ({ stdout: "null" }));
  expect(formatStated(addNetwork(world.runtime, target({ plugins: [{ type: "a" }] })))).toBe(
    '{\n    "cniVersion": "1.0.0"\n}',
  );
});

test("addNetwork() keeps the last result in the cache", () => {
  world.plugin("a", adds("1"));
  addNetwork(world.runtime, target({ plugins: [{ type: "a" }] }));
  expect(JSON.parse(world.read(FILE))).toMatchObject({ kind: "cniCacheV1", result: { interfaces: [{ name: "1" }] } });
});

test("addNetwork() stops at the first failure, calls nobody back and keeps nothing", () => {
  world.plugin("a", adds("1"));
  world.plugin("b", fails(100, "no address left", "10.0.0.0/30"));
  world.plugin("c", adds("3"));
  const failure = { code: 100, message: 'plugin type="b" failed (add): no address left', details: "10.0.0.0/30" };
  expect(() => addNetwork(world.runtime, target(three))).toThrow(expect.objectContaining(failure));
  expect(order()).toEqual(["ADD a", "ADD b"]);
  expect(world.files("cache/results")).toEqual([]);
});

test.each([
  [
    { type: "a", name: "x" },
    () => ({ stdout: "{" }),
    6,
    'plugin type="a" name="x" failed (add): failed to unmarshal raw result: unexpected end of JSON input',
  ],
  [
    { type: "a" },
    () => ({}),
    6,
    'plugin type="a" failed (add): failed to unmarshal raw result: unexpected end of JSON input',
  ],
  [{ type: "a" }, adds("1", "9.9.9"), 1, 'plugin type="a" failed (add): unsupported CNI result version "9.9.9"'],
  [
    { type: "a" },
    () => ({ status: 2, stderr: "panic" }),
    108,
    'plugin type="a" failed (add): netplugin failed: "panic"',
  ],
  [
    { type: "a" },
    () => ({ status: 2 }),
    108,
    'plugin type="a" failed (add): netplugin failed with no error message: exit status 2',
  ],
  [{ type: "a/b" }, adds("1"), 7, 'plugin type="a/b" failed (add): invalid plugin name: a/b'],
] satisfies [object, Answer, number, string][])(
  "addNetwork() with %j says what went wrong",
  (plugin, answer, code, message) => {
    world.plugin("a", answer);
    expect(() => addNetwork(world.runtime, target({ plugins: [plugin] }))).toThrow(
      expect.objectContaining({ code, message }),
    );
  },
);

test("addNetwork() says where it looked for a plugin in vain", () => {
  const message = `plugin type="none" failed (add): failed to find plugin "none" in path [${world.directory}/bin]`;
  expect(() => addNetwork(world.runtime, target({ plugins: [{ type: "none" }] }))).toThrow(message);
});

test.each([
  ["the last plugin", [{ type: "a" }, { type: "none" }], "none"],
  ["the IPAM plugin of an interface plugin", [{ type: "bridge", ipam: { type: "host-locl" } }], "host-locl"],
])("addNetwork() calls no plugin if %s is missing", (_, plugins, type) => {
  for (const name of ["a", "bridge"]) world.plugin(name, adds("1"));
  const message = new RegExp(`^plugin type=.* failed \\(add\\): failed to find plugin "${type}" in path `);
  expect(() => addNetwork(world.runtime, target({ plugins }))).toThrow(
    expect.objectContaining({ code: 108, message: expect.stringMatching(message) }),
  );
  expect(order()).toEqual([]);
});

test("addNetwork() leaves to another plugin what it makes of ipam", () => {
  world.plugin("a", adds("1"));
  addNetwork(world.runtime, target({ plugins: [{ type: "a", ipam: { type: "its-own" } }] }));
  expect(order()).toEqual(["ADD a"]);
});

test("addNetwork() says that a result could not be kept", () => {
  world.plugin("a", adds("1"));
  world.write("cache", "a file");
  const message = expect.stringMatching(/^failed to set network "x" cached result: (ENOTDIR|EEXIST)/);
  expect(() => addNetwork(world.runtime, target({ plugins: [{ type: "a" }] }))).toThrow(
    expect.objectContaining({ code: 5, message }),
  );
});

test("addNetwork() relays what a plugin writes to standard error", () => {
  world.plugin("a", (call) => ({ ...adds("1")(call), stderr: "one\ntwo\n" }));
  addNetwork(world.runtime, target({ plugins: [{ type: "a" }] }));
  expect(world.logged).toEqual(["one", "two"]);
});

const bad: [object, Partial<Target["attachment"]>, number, string, string][] = [
  [{}, { containerId: "../../etc/passwd" }, 4, "invalid characters in containerID", "../../etc/passwd"],
  [{}, { containerId: "" }, 4, "invalid characters in containerID", ""],
  [{ name: "../x" }, {}, 7, "invalid characters found in network name", "../x"],
  [{}, { ifname: "a/b" }, 4, "interface name contains / or : or whitespace characters", ""],
  [{}, { ifname: "" }, 4, "interface name is empty", ""],
];

test.each(bad)(
  "addNetwork(), checkNetwork() and deleteNetwork() refuse %j %j before anything is called",
  (list, changes, code, message, details) => {
    world.plugin("a", adds("1"));
    for (const verb of [addNetwork, checkNetwork, deleteNetwork]) {
      const refused = () => verb(world.runtime, target({ plugins: [{ type: "a" }], ...list }, changes));
      expect(refused).toThrow(expect.objectContaining({ code, message, details }));
    }
    expect([world.calls, world.files("cache")]).toEqual([[], []]);
  },
);

/** Attaches, and forgets the calls that it took. */
function attached(list: object): Target {
  for (const type of ["a", "b", "c"]) world.plugin(type, adds(type));
  const made = target(list);
  addNetwork(world.runtime, made);
  world.calls.length = 0;
  return made;
}

test("checkNetwork() calls the plugins in order, each with the cached result", () => {
  checkNetwork(world.runtime, attached(three));
  expect(order()).toEqual(["CHECK a", "CHECK b", "CHECK c"]);
  const prevResult = { cniVersion: "1.0.0", interfaces: [{ name: "c" }] };
  expect(inputs()).toMatchObject([{ prevResult }, { prevResult }, { prevResult }]);
});

test("checkNetwork() hands the cached result on in the version that the list has now", () => {
  attached(three);
  checkNetwork(world.runtime, target({ ...three, cniVersion: "0.4.0" }));
  expect(inputs()[0]).toMatchObject({ prevResult: { cniVersion: "0.4.0", interfaces: [{ name: "c" }], dns: {} } });
});

test("checkNetwork() calls nobody where the cache has no result", () => {
  world.plugin("a");
  const message = 'eth0 of container c1 is not attached to network "x"';
  expect(() => checkNetwork(world.runtime, target({ plugins: [{ type: "a" }] }))).toThrow(
    expect.objectContaining({ code: 3, message, details: `no result of ADD in ${world.runtime.cacheDirectory}` }),
  );
  expect(order()).toEqual([]);
});

test("checkNetwork() stops at the first failure and passes it on as it is", () => {
  const made = attached(three);
  world.plugin("b", fails(104, "no such route"));
  expect(() => checkNetwork(world.runtime, made)).toThrow(
    expect.objectContaining({ code: 104, message: "no such route" }),
  );
  expect(order()).toEqual(["CHECK a", "CHECK b"]);
});

test("checkNetwork() calls nobody where the list says disableCheck", () => {
  checkNetwork(world.runtime, attached({ ...three, disableCheck: true }));
  expect(world.calls).toEqual([]);
});

test.each(["0.3.1", ""])('checkNetwork() refuses version "%s"', (cniVersion) => {
  const message = `configuration version "${cniVersion}" does not support the CHECK command`;
  expect(() => checkNetwork(world.runtime, target({ ...three, cniVersion }))).toThrow(
    expect.objectContaining({ code: 1, message }),
  );
});

test("checkNetwork() refuses a version that is none", () => {
  const message = "error parsing configuration list: invalid cniVersion one";
  expect(() => checkNetwork(world.runtime, target({ ...three, cniVersion: "one" }))).toThrow(
    expect.objectContaining({ code: 7, message }),
  );
});

test("checkNetwork() refuses a cached result that makes no sense", () => {
  const made = attached(three);
  world.write(FILE, '{"kind');
  const message = 'failed to get network "x" cached result: it is not JSON: unexpected end of JSON input';
  expect(() => checkNetwork(world.runtime, made)).toThrow(expect.objectContaining({ code: 6, message }));
});

test("deleteNetwork() calls the plugins last first, each with the cached result, and forgets it", () => {
  deleteNetwork(world.runtime, attached(three));
  expect(order()).toEqual(["DEL c", "DEL b", "DEL a"]);
  const prevResult = { cniVersion: "1.0.0", interfaces: [{ name: "c" }] };
  expect(inputs()).toMatchObject([{ prevResult }, { prevResult }, { prevResult }]);
  expect(world.files("cache/results")).toEqual([]);
});

test("deleteNetwork() twice is once", () => {
  const made = attached(three);
  deleteNetwork(world.runtime, made);
  deleteNetwork(world.runtime, made);
  expect(inputs()[3]).toEqual({ cniVersion: "1.0.0", name: "x", type: "c" });
});

test("deleteNetwork() sends no prevResult below version 0.4.0", () => {
  attached(three);
  deleteNetwork(world.runtime, target({ ...three, cniVersion: "0.3.1" }));
  expect(inputs()[0]).toEqual({ cniVersion: "0.3.1", name: "x", type: "c" });
});

test("deleteNetwork() stops at the first failure and keeps the cached result for the next attempt", () => {
  const made = attached(three);
  world.plugin("b", fails(11, "busy"));
  const message = 'plugin type="b" failed (delete): busy';
  expect(() => deleteNetwork(world.runtime, made)).toThrow(expect.objectContaining({ code: 11, message }));
  expect(order()).toEqual(["DEL c", "DEL b"]);
  expect(world.files("cache/results")).toEqual(["x-c1-eth0"]);
});

test.each(["", '{"kind":"cniCacheV1","result":{"cniVersion":"9.9.9"}}', "\0"])(
  "deleteNetwork() goes on without a cached result that holds %j, and removes it",
  (text) => {
    const made = attached(three);
    world.write(FILE, text);
    deleteNetwork(world.runtime, made);
    expect(order()).toEqual(["DEL c", "DEL b", "DEL a"]);
    expect(inputs()[0]).toEqual({ cniVersion: "1.0.0", name: "x", type: "c" });
    expect(world.files("cache/results")).toEqual([]);
    expect(world.logged).toEqual([expect.stringMatching(/^The cached result cannot be used and is left out: /)]);
  },
);

/** What deleteNetwork() throws for a list with plugins that are missing. */
function refusedDelete(made: Target): unknown {
  try {
    deleteNetwork(world.runtime, made);
  } catch (error) {
    return error;
  }
  return undefined;
}

test("deleteNetwork() calls the other plugins if one is missing that no ADD can have run, and forgets the result", () => {
  const message = `plugin type="none" failed (delete): failed to find plugin "none" in path [${world.directory}/bin]`;
  const details = "DEL of c, a ran; the result cache knows of no ADD that ran the missing plugin";
  attached({ plugins: [{ type: "a" }, { type: "c" }] });
  const misspelt = target({ plugins: [{ type: "a" }, { type: "none" }, { type: "c" }] });
  for (const _ of ["with a result", "without one"]) {
    world.calls.length = 0;
    expect(refusedDelete(misspelt)).toMatchObject({ code: 108, message, details });
    expect(order()).toEqual(["DEL c", "DEL a"]);
    expect(world.files("cache/results")).toEqual([]);
  }
});

test.each(["its list", "a list that cannot be read"])(
  "deleteNetwork() keeps the result with %s if a missing plugin may have run at ADD",
  (list) => {
    const made = attached(three);
    if (list !== "its list") world.write(FILE, world.read(FILE).replace(/"config":"[^"]*"/, '"config":"!"'));
    for (const type of ["a", "c"]) fs.rmSync(path.join(world.directory, "bin", type));
    const kept = "the cached result stays, because ADD ran the missing plugin: run DEL again when it is there";
    expect(refusedDelete(made)).toMatchObject({
      message: expect.stringMatching(/^plugin type="a" failed \(delete\): failed to find plugin "a" in path /),
      details: `nor "c"; DEL of b ran; ${kept}`,
    });
    expect(order()).toEqual(["DEL b"]);
    expect(world.files("cache/results")).toEqual(["x-c1-eth0"]);
  },
);
