import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { root } from "../repository/tree.ts";

/** Prints the code of packages whose files become one module each. */
const PRINT = `
const { bundlePackage } = await import(process.argv[1] + "/build/packages.mjs");
for (const name of ["proper-lockfile", "@pkgjs/parseargs"]) console.log((await bundlePackage(name, ["*"])).code);`;

it("bundlePackage() gives the same code wherever the tree and its packages are, and from wherever it is built", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "modules-"));
  const trees = ["here", "another/place"].map((name) => path.join(folder, name));
  for (const tree of trees) {
    for (const name of ["build", "plugins"])
      fs.cpSync(path.join(root, name), path.join(tree, name), { recursive: true });
    fs.copyFileSync(path.join(root, "package.json"), path.join(tree, "package.json"));
    fs.symlinkSync(path.join(root, "node_modules"), path.join(tree, "node_modules"));
  }
  const [first = "", second = ""] = trees;
  const codes = [
    { tree: first, cwd: first },
    { tree: first, cwd: "/" },
    { tree: second, cwd: os.tmpdir() },
  ].map(({ tree, cwd }) => {
    const args = ["--input-type=module", "--eval", PRINT, tree];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
    expect(stderr).toBe("");
    return stdout;
  });
  fs.rmSync(folder, { recursive: true });
  expect(codes[0]).toContain("node_modules/retry/lib/retry.js");
  expect(new Set(codes).size).toBe(1);
}, 60_000);
