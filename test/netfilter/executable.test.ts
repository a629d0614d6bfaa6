import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { describeMissing, findExecutable } from "../../src/netfilter/executable.ts";

/** Two folders of a PATH. */
let first: string;
let second: string;
let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "executable-"));
  [first, second] = [path.join(folder, "first"), path.join(folder, "second")];
  for (const each of [first, second]) fs.mkdirSync(each);
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

/** Makes an empty file. */
function make(place: string, name: string, mode = 0o755): string {
  const file = path.join(place, name);
  fs.writeFileSync(file, "", { mode });
  return file;
}

const find = (...names: readonly string[]) => findExecutable(names, { PATH: `${first}:${second}` });

test("findExecutable() takes the first name that is anywhere, from the first folder that has it", () => {
  make(first, "tool-b");
  const one = make(first, "tool-a");
  const another = make(second, "tool-a");
  expect(find("tool-none", "tool-a", "tool-b")).toBe(one);
  fs.rmSync(one);
  expect(find("tool-a", "tool-b")).toBe(another);
  expect(find("tool-none")).toBeUndefined();
});

test("findExecutable() passes over a folder and a file that cannot be executed", () => {
  fs.mkdirSync(path.join(first, "tool"));
  make(first, "other", 0o644);
  const tools = [make(second, "tool"), make(second, "other")];
  expect([find("tool"), find("other")]).toEqual(tools);
});

test.each([{}, { PATH: "" }, { PATH: "/nowhere" }])(
  "findExecutable() looks in the usual folders with %j",
  (environment) => {
    expect(findExecutable(["sh"], environment)).toMatch(/^(\/usr)?\/bin\/sh$/);
  },
);

test("findExecutable() ignores a part of PATH that depends on the working directory", () => {
  make(first, "tool");
  expect(findExecutable(["tool"], { PATH: `:${path.relative(process.cwd(), first)}` })).toBeUndefined();
});

test("describeMissing() says where a tool was looked for", () => {
  expect(describeMissing("nft")).toBe(
    "nft is neither in PATH nor in /usr/local/sbin, /usr/sbin, /sbin, /usr/local/bin, /usr/bin, /bin",
  );
});
