import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { root } from "../repository/tree.ts";

/** The second cannot be the name of a function. */
const NAMES = ["trial-plugin", "switch"];

/** What a contributor's clone has, as far as the checks below look at it. */
const TREE = [
  "src",
  "plugins",
  "test",
  "build",
  "build.mjs",
  "package.json",
  "tsconfig.json",
  ".biome.json",
  "CONTRIBUTING.md",
];

let clone: string;

beforeEach(() => {
  clone = fs.mkdtempSync(path.join(os.tmpdir(), "cni-new-plugin-"));
  for (const name of TREE) fs.cpSync(path.join(root, name), path.join(clone, name), { recursive: true });
  fs.symlinkSync(path.join(root, "node_modules"), path.join(clone, "node_modules"));
});

afterEach(() => fs.rmSync(clone, { recursive: true }));

function run(command: string, ...args: readonly string[]): { status: number | null; said: string } {
  const executable = command === "node" ? process.execPath : path.join(clone, "node_modules/.bin", command);
  const { status, stdout, stderr } = spawnSync(executable, args, { cwd: clone, encoding: "utf8" });
  return { status, said: stdout + stderr };
}

function must(command: string, ...args: readonly string[]): void {
  const { status, said } = run(command, ...args);
  expect(status, said).toBe(0);
}

/** Lets DEL of a plugin do nothing, and its case say that what it made ends with the interface. */
function leaveToInterface(name: string): void {
  const verbCase = path.join(clone, "test/plugins", name, "verb-case.ts");
  const text = fs.readFileSync(verbCase, "utf8");
  const field = "follows: true";
  expect(text).toContain(field);
  fs.writeFileSync(verbCase, text.replace(/\[(\{.*) \}\];/, "[\n  $1, endsWithInterface: true },\n];"));
  fs.writeFileSync(
    path.join(clone, "plugins", name, "del.ts"),
    "/** Deletes nothing: the alias ends with the interface. */\nexport function del(_request: unknown, _host: unknown): void {}\n",
  );
}

it("npm run new-plugin makes a plugin that passes the linter, the type check, its tests and the rules of the tree", () => {
  // A plugin of that name may have come to the tree.
  const names = NAMES.filter((name) => !fs.existsSync(path.join(clone, "plugins", name)));
  for (const name of names) must("node", "build/new-plugin.mjs", name);
  const [first = "trial-plugin"] = names;
  leaveToInterface(first);
  const made = names.flatMap((name) => [`plugins/${name}`, `test/plugins/${name}`, `test/live/${name}.test.ts`]);
  const tests = made.filter((folder) => folder.startsWith("test/plugins/"));
  must("biome", "check", "--vcs-enabled=false", ...made);
  const narrowed = { extends: "./tsconfig.json", include: made };
  fs.writeFileSync(path.join(clone, "narrowed.json"), JSON.stringify(narrowed));
  must("tsc", "--noEmit", "--project", "narrowed.json");
  const rules = ["plugin-pages", "code", "layers"].map((name) => `test/repository/${name}.test.ts`);
  must(
    "vitest",
    "run",
    "--config",
    "test/vitest.config.ts",
    "--project",
    "unit",
    "--project",
    "mocked",
    ...tests,
    "test/plugins/verbs.test.ts",
    ...rules,
  );
}, 600_000);

it("npm run new-plugin overwrites nothing, and takes no name that a plugin cannot have", () => {
  for (const name of ["bridge", "cnictl", "New", "../x", "a b", ""]) {
    const { status, said } = run("node", "build/new-plugin.mjs", name);
    expect({ name, status, says: said !== "" }).toEqual({ name, status: 1, says: true });
  }
  expect(fs.readdirSync(path.join(clone, "plugins"))).toEqual(fs.readdirSync(path.join(root, "plugins")));
});
