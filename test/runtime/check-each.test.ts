import { afterEach, beforeEach, expect, test } from "vitest";
import { writeCached } from "../../src/runtime/cache.ts";
import { checkEachPlugin } from "../../src/runtime/check-each.ts";
import { parseNetwork } from "../../src/runtime/network.ts";
import type { Target } from "../../src/runtime/runtime.ts";
import { parseStated } from "../../src/runtime/stated-result.ts";
import { makeWorld, type World } from "./world.ts";

let world: World;

beforeEach(() => {
  world = makeWorld();
});
afterEach(() => world.dispose());

function target(list: object): Target {
  const plugins = [{ type: "first" }, { type: "second" }];
  const network = parseNetwork(Buffer.from(JSON.stringify({ name: "x", cniVersion: "1.0.0", plugins, ...list })));
  const attachment = { containerId: "c1", netns: "/run/netns/blue", ifname: "eth0", args: [], capabilityArgs: {} };
  return { network, attachment };
}

function remember({ network, attachment }: Target): void {
  const result = parseStated({ cniVersion: "1.0.0", interfaces: [{ name: "eth0" }] }, "1.0.0");
  writeCached(world.runtime.cacheDirectory, { network, attachment, result });
}

test("checkEachPlugin() asks each plugin with the cached result, and goes on after an error", () => {
  const all = target({});
  remember(all);
  world.plugin("first", () => ({ status: 1, stdout: JSON.stringify({ code: 104, msg: "changed" }) }));
  world.plugin("second");
  const said = checkEachPlugin(world.runtime, all);
  expect(Array.isArray(said) && said.map(({ plugin, error }) => [plugin.type, error?.message])).toEqual([
    ["first", "changed"],
    ["second", undefined],
  ]);
  const inputs = world.calls.map(({ stdin }): unknown => JSON.parse(stdin));
  expect(inputs).toEqual(Array(2).fill(expect.objectContaining({ prevResult: expect.anything() })));
});

test.each([
  ["version 0.3.1 has no CHECK", { cniVersion: "0.3.1" }],
  ["the network sets disableCheck", { disableCheck: true }],
])("checkEachPlugin() asks nobody if %s", (reason, list) => {
  const all = target(list);
  remember(all);
  expect([checkEachPlugin(world.runtime, all), world.calls]).toEqual([reason, []]);
});

test("checkEachPlugin() asks nobody without a result", () => {
  expect(checkEachPlugin(world.runtime, target({}))).toBe("the result cache has no result");
});
