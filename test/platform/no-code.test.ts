import { expect, test } from "vitest";
import { runOnBoth } from "./runtimes.ts";

test("no text becomes code in the native image, by none of the ways that make it code on Node.js", async () => {
  const { node, native } = await runOnBoth("no-code.ts");
  expect({ status: native.status, stderr: native.stderr }).toEqual({ status: 0, stderr: "" });
  expect({ status: node.status, stderr: node.stderr }).toEqual({ status: 3, stderr: "" });
  const [usual, found] = [node, native].map(({ stdout }) => Object(JSON.parse(stdout)));
  expect(new Set(Object.values(usual))).toEqual(new Set(["ran"]));
  expect(found).toEqual(Object.fromEntries(Object.keys(usual).map((way) => [way, "TypeError"])));
}, 120_000);
