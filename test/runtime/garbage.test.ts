import { afterEach, beforeEach, expect, test } from "vitest";
import { collectGarbage } from "../../src/runtime/garbage.ts";
import { parseNetwork } from "../../src/runtime/network.ts";
import { checkStatus } from "../../src/runtime/status.ts";
import { makeWorld, type World } from "./world.ts";

let world: World;

beforeEach(() => {
  world = makeWorld();
  for (const type of ["a", "b"]) world.plugin(type);
});
afterEach(() => world.dispose());

/** A cache that is there, with nothing about the network in it. */
function emptyCache(): void {
  world.write("cache/results/y-c1-eth0", { kind: "cniCacheV1", containerId: "c1", ifName: "eth0", networkName: "y" });
}

function network(changes: object = {}) {
  const list = {
    name: "x",
    cniVersion: "1.1.0",
    plugins: [{ type: "a" }, { type: "b", runtimeConfig: { k: 1 } }],
    ...changes,
  };
  return parseNetwork(Buffer.from(JSON.stringify(list)));
}

/** Puts attachments into the cache. */
function cache(...containers: string[]): void {
  for (const containerId of containers) {
    const entry = {
      kind: "cniCacheV1",
      containerId,
      ifName: "eth0",
      networkName: "x",
      netns: `/run/netns/${containerId}`,
    };
    const result = { cniVersion: "1.1.0", interfaces: [{ name: containerId }] };
    world.write(`cache/results/x-${containerId}-eth0`, { ...entry, cniArgs: [["K", "V"]], result });
  }
}

const seen = () =>
  world.calls.map(({ type, environment: { CNI_COMMAND, CNI_CONTAINERID } }) =>
    `${CNI_COMMAND} ${type} ${CNI_CONTAINERID}`.trim(),
  );
const inputs = () => world.calls.map(({ stdin }): unknown => JSON.parse(stdin));
const keep = (id: string) => (attachment: { containerId: string }) => attachment.containerId === id;

test("collectGarbage() deletes what is not valid as it was added, then tells every plugin of the rest", () => {
  cache("c1", "c2");
  const { deleted, kept } = collectGarbage(world.runtime, { network: network(), isValid: keep("c2") });
  expect([deleted, kept].map((list) => list.map(({ containerId }) => containerId))).toEqual([["c1"], ["c2"]]);
  expect(seen()).toEqual(["DEL b c1", "DEL a c1", "GC a", "GC b"]);
  expect(world.calls[0]?.environment).toMatchObject({
    CNI_NETNS: "/run/netns/c1",
    CNI_ARGS: "K=V",
    CNI_IFNAME: "eth0",
  });
  const list = [{ containerID: "c2", ifname: "eth0" }];
  const common = { cniVersion: "1.1.0", name: "x", "cni.dev/attachments": list, "cni.dev/valid-attachments": list };
  expect(inputs().slice(2)).toEqual([
    { ...common, type: "a" },
    { ...common, type: "b", runtimeConfig: { k: 1 } },
  ]);
  expect(world.files("cache/results")).toEqual(["x-c2-eth0"]);
});

test("collectGarbage() calls GC for nobody in particular", () => {
  emptyCache();
  collectGarbage(world.runtime, { network: network(), isValid: () => true });
  const nobody = { CNI_CONTAINERID: "", CNI_NETNS: "", CNI_IFNAME: "", CNI_ARGS: "" };
  expect(world.calls[0]?.environment).toMatchObject({ ...nobody, CNI_PATH: `${world.directory}/bin` });
});

test("collectGarbage() says with an empty list that nothing is valid", () => {
  emptyCache();
  collectGarbage(world.runtime, { network: network(), isValid: () => true });
  expect(inputs()[0]).toMatchObject({ "cni.dev/valid-attachments": [], "cni.dev/attachments": [] });
});

test("collectGarbage() does not call GC where there is no cache, for then nobody is known to be gone", () => {
  collectGarbage(world.runtime, { network: network(), isValid: () => true });
  expect(world.calls).toEqual([]);
  expect(world.logged).toEqual([`GC is not called: nothing can be read from ${world.directory}/cache/results`]);
});

test("collectGarbage() does not call GC where a file of the cache may be that of a valid attachment", () => {
  cache("c1", "c2");
  world.write("cache/results/x-c2-eth0", '{"kind":"cniCac');
  collectGarbage(world.runtime, { network: network(), isValid: () => false });
  expect(seen()).toEqual(["DEL b c1", "DEL a c1"]);
  expect(world.logged).toEqual([
    `GC is not called: nothing can be read from ${world.directory}/cache/results/x-c2-eth0`,
  ]);
});

test("collectGarbage() without isValid deletes everything and tells plugins of no list", () => {
  cache("c1", "c2");
  collectGarbage(world.runtime, { network: network() });
  expect(seen()).toEqual(["DEL b c1", "DEL a c1", "DEL b c2", "DEL a c2", "GC a", "GC b"]);
  expect(inputs().at(-2)).toEqual({ cniVersion: "1.1.0", name: "x", type: "a" });
});

test("collectGarbage() goes on past errors and throws all of them", () => {
  cache("c1", "c2");
  world.plugin("a", () => ({ status: 1, stdout: '{"code": 11, "msg": "busy"}' }));
  let thrown: unknown;
  try {
    collectGarbage(world.runtime, { network: network() });
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(AggregateError);
  expect(thrown).toMatchObject({
    errors: [
      { code: 11, message: 'failed to delete stale attachment c1 eth0: plugin type="a" failed (delete): busy' },
      { code: 11, message: 'failed to delete stale attachment c2 eth0: plugin type="a" failed (delete): busy' },
      { code: 11, message: "failed to GC plugin a: busy" },
    ],
  });
  expect(seen().at(-1)).toBe("GC b");
});

test("collectGarbage() below 1.1.0 deletes, but does not call GC", () => {
  cache("c1");
  collectGarbage(world.runtime, { network: network({ cniVersion: "1.0.0" }) });
  expect(seen()).toEqual(["DEL b c1", "DEL a c1"]);
});

test("collectGarbage() leaves a list alone that says disableGC", () => {
  cache("c1");
  expect(collectGarbage(world.runtime, { network: network({ disableGC: true }) })).toEqual({ deleted: [], kept: [] });
  expect([world.calls, world.files("cache/results")]).toEqual([[], ["x-c1-eth0"]]);
});

test("checkStatus() asks each plugin, for nobody in particular", () => {
  expect(checkStatus(world.runtime, network())).toBe(true);
  expect(seen()).toEqual(["STATUS a", "STATUS b"]);
  expect(inputs()[0]).toEqual({ cniVersion: "1.1.0", name: "x", type: "a" });
});

test("checkStatus() stops at the first plugin that is not ready and passes its error on as it is", () => {
  world.plugin("a", () => ({ status: 1, stdout: '{"code": 50, "msg": "not ready", "details": "no daemon"}' }));
  const failure = { code: 50, message: "not ready", details: "no daemon" };
  expect(() => checkStatus(world.runtime, network())).toThrow(expect.objectContaining(failure));
  expect(seen()).toEqual(["STATUS a"]);
});

test("checkStatus() below 1.1.0 asks nobody", () => {
  expect(checkStatus(world.runtime, network({ cniVersion: "1.0.0" }))).toBe(false);
  expect(world.calls).toEqual([]);
});
