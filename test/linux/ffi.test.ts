import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.join(import.meta.dirname, "../..");
const bun = `@oven/bun-linux-${process.arch === "arm64" ? "aarch64" : "x64"}/bin/bun`;

test.each([
  ["Node.js", process.execPath],
  ["Bun", path.join(root, "node_modules", bun)],
])("openLibrary() calls C with the right errno and the right memory, and in silence: %s", (_, runtime) => {
  const { status, stdout, stderr } = spawnSync(runtime, [path.join(import.meta.dirname, "ffi-probe.ts")], {
    cwd: root,
    encoding: "utf8",
  });

  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(JSON.parse(stdout)).toEqual({ wrongErrnos: 0, written: [1, 1, 1], isStable: true, isOffset: true });
});
