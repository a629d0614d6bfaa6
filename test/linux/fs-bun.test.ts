import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";

const BUN = `node_modules/@oven/bun-linux-${os.arch() === "arm64" ? "aarch64" : "x64"}/bin/bun`;

test("Bun's image reads, writes and fails as node:fs does, and takes paths apart as node:path does", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "file-systems-"));
  const script = path.join(import.meta.dirname, "fixtures/file-systems.ts");
  const { stdout, stderr } = spawnSync(path.resolve(BUN), [script, folder], { encoding: "utf8" });
  fs.rmSync(folder, { recursive: true });
  expect(stderr).toBe("");
  const { files, paths } = JSON.parse(stdout);
  expect(files[1]).toEqual(files[0]);
  expect(paths[1]).toEqual(paths[0]);
});
