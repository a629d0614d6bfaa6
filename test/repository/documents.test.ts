import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../src/cni/error.ts";
import { describedPaths } from "./described-paths.ts";
import { PLUGINS, read, root, SHIPPED } from "./tree.ts";

const TOP_LEVEL = [
  ...[".biome.json", ".ci", ".editorconfig", ".gitignore", ".npmrc", "ARCHITECTURE.md", "CHANGELOG.md"],
  ...[
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "build",
    "build.mjs",
    "conf",
    "package-lock.json",
    "package.json",
    "plugins",
  ],
  ...["src", "test", "tsconfig.json"],
];

describe("the repository", () => {
  it("has at its top what is listed here and no more", () => {
    const listed = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" }).trim().split("\n");
    const top = new Set(listed.map((file) => file.split("/")[0] ?? ""));
    expect([...top].sort()).toEqual([...TOP_LEVEL].sort());
  });
});

describe("README.md", () => {
  const text = read("README.md");

  it.each(PLUGINS)("has a section for %s", (name) => {
    expect(text).toMatch(new RegExp(`^#+ ${name}$`, "m"));
  });

  it("has every error code that a plugin can leave with, and no other", () => {
    const listed = [...text.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    const named = SHIPPED.flatMap((file) =>
      [...read(file).matchAll(/new CniError\(\s*"(\w+)"/g)].map(([, name]) => name),
    );
    const used = Object.entries(ERROR_CODES).filter(([name]) => named.includes(name));
    expect(listed).toEqual(expect.arrayContaining(used.map(([, code]) => code)));
    expect(Object.values(ERROR_CODES)).toEqual(expect.arrayContaining(listed));
  });

  it.each(["demo", "test", "build", "bench"])("names the command npm run %s, which exists", (script) => {
    expect(Object.keys(JSON.parse(read("package.json")).scripts)).toContain(script);
    expect(text).toMatch(new RegExp(`npm (run )?${script}\\b`));
  });
});

describe("ARCHITECTURE.md", () => {
  it("has a line for every file of src and plugins", () => {
    const described = describedPaths(read("ARCHITECTURE.md"));
    expect(SHIPPED.filter((file) => !described.some((paths) => paths.includes(file)))).toEqual([]);
  });

  it("describes nothing that is not there", () => {
    const missing = describedPaths(read("ARCHITECTURE.md")).filter(
      (paths) => !paths.some((file) => fs.existsSync(path.join(root, file))),
    );
    expect(missing.map((paths) => paths.join(" or "))).toEqual([]);
  });
});

describe("the code", () => {
  it.each(SHIPPED)("%s has a sentence on every function and class that it exports", (file) => {
    expect(exportsWithoutDoc(read(file))).toEqual([]);
  });
});

/** An encoder may leave the words to the decoder that it mirrors. */
function exportsWithoutDoc(text: string): string[] {
  const lines = text.split("\n");
  return lines.flatMap((line, at) => {
    const [, name] = /^export (?:function|class) (\w+)/.exec(line) ?? [];
    const before = lines[at - 1]?.trim() ?? "";
    if (name === undefined || before.endsWith("*/")) return [];
    const isMirror = name.startsWith("encode") && text.includes(`export function ${name.replace(/^encode/, "decode")}`);
    return isMirror ? [] : [name];
  });
}
