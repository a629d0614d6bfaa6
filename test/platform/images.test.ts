import { expect, test } from "vitest";
import { runOnBoth } from "./runtimes.ts";

test("the native image reads, writes and fails as node:fs does, and takes paths apart as node:path does", async () => {
  const { node, native } = await runOnBoth("file-systems.ts");
  expect(native.stderr).toBe("");
  const [expected, found] = [node, native].map(({ stdout }) => JSON.parse(stdout));
  expect(found.files).toEqual(expected.files);
  expect(found.paths).toEqual(expected.paths);
}, 120_000);
