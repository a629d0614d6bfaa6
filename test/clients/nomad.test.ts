import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { binDir } from "../lab.ts";
import { PLUGINS, read } from "../repository/tree.ts";

/** What Nomad takes for a version: the first word that is one, of all that a file prints. */
const VERSION = /^v?\d+(\.\d+)*(-[0-9A-Za-z.~-]+)?(\+[0-9A-Za-z.~-]+)?$/;

/** How often a file is run for one try to be fast: others may use the machine. */
const TRIES = 5;

const expected = Object.fromEntries(
  [...PLUGINS, "cnictl"].map((name) => [name, `v${JSON.parse(read("package.json")).version}`]),
);

let installed: string;

beforeAll(() => {
  installed = fs.mkdtempSync(path.join(os.tmpdir(), "nomad-"));
  const { status, stderr } = spawnSync(path.join(binDir, "cnictl"), ["install", "--dir", installed], {
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
});

afterAll(() => fs.rmSync(installed, { recursive: true }));

/**
 * Runs every executable file of a folder, as a Nomad client does with `cni_path` when it starts: without arguments. Jobs are held against
 * what comes of it, `plugins.cni.version.<file>`. Nomad gives them its own environment, this test none at all.
 */
function fingerprint(folder: string): Readonly<Record<string, string | undefined>> {
  const files = fs.readdirSync(folder).filter((name) => (fs.statSync(path.join(folder, name)).mode & 0o111) !== 0);
  return Object.fromEntries(files.map((name) => [name, versionOf(path.join(folder, name))]));
}

function versionOf(file: string): string | undefined {
  const { status, stdout, stderr } = spawnSync(file, { env: {}, cwd: "/", encoding: "utf8", input: "" });
  if (status !== 0) return undefined;
  return `${stdout}${stderr}`.split(/\s+/).find((word) => VERSION.test(word));
}

describe("Nomad", () => {
  it.each([
    ["the folder that was built", () => binDir],
    ["the folder that `cnictl install` made", () => installed],
  ])("reads the version of every file in %s", (_, folder) => {
    expect(fingerprint(folder())).toEqual(expected);
  });

  it.each(Object.keys(expected))("does not wait for %s: it ends within a second", (name) => {
    const times = Array.from({ length: TRIES }, () => {
      const begin = performance.now();
      versionOf(path.join(binDir, name));
      return performance.now() - begin;
    });
    expect(Math.min(...times)).toBeLessThan(1000);
  });
});
