import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { root } from "../repository/tree.ts";

const BUILD = "usage: npm run build -- [--arch amd64|arm64] [--only bin|pkg]";
const RELEASE = "usage: npm run release -- [--output FOLDER] [--changed]";

test.each([
  ["build.mjs", ["--dri"], /^Unknown option '--dri'/, BUILD],
  ["build.mjs", ["arm64"], /^Unexpected argument 'arm64'/, BUILD],
  ["build.mjs", ["--arch", "aarch64"], /^Unknown --arch "aarch64": must be amd64 \(or x64\) or arm64/, BUILD],
  ["build.mjs", ["--arch", "toString"], /^Unknown --arch "toString"/, BUILD],
  ["build.mjs", ["--only", "bni"], /^Unknown --only "bni": must be bin or pkg/, BUILD],
  ["build.mjs", ["--arch", "amd64", "--only", "bni"], /^Unknown --only/, BUILD],
  ["build/release.mjs", ["--output"], /^Option '--output <value>' argument missing/, RELEASE],
])("%s %j says what is wrong, and the usage", (script, args, reason, usage) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { cwd: root, encoding: "utf8" });
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(reason);
  expect(stderr.trimEnd().split("\n")).toEqual([expect.any(String), usage]);
});
