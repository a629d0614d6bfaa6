import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findCommit } from "../../build/commit.mjs";
import { read } from "../repository/tree.ts";

let folder: string;
let tree: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "commit-"));
  tree = path.join(folder, "tree");
  for (const name of [".gitattributes", "build/commit.txt"]) {
    fs.mkdirSync(path.dirname(path.join(tree, name)), { recursive: true });
    fs.writeFileSync(path.join(tree, name), read(name));
  }
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

function git(...args: string[]): string {
  const date = "2026-01-02T23:30:00-05:00";
  const settings = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "core.abbrev=20"];
  const env = { ...process.env, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
  return execFileSync("git", [...settings, "-C", tree, ...args], { encoding: "utf8", env }).trim();
}

/** Makes a clone of the tree. Returns the commit that a build shows. */
function commit() {
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "--message=first");
  return { commit: git("rev-parse", "HEAD").slice(0, 12), date: "2026-01-02", time: "1767414600" };
}

it("findCommit() of a clone is its commit, with the committer's day, whenever it is asked", () => {
  const expected = commit();
  expect(findCommit(tree)).toEqual(expected);
});

it("findCommit() of a clone that is somebody else's is the same", () => {
  const expected = commit();
  execFileSync("chown", ["-R", "65534", tree]);
  expect(findCommit(tree)).toEqual(expected);
});

it("findCommit() of a clone with changes says so; a new file is none", () => {
  const { commit: hash } = commit();
  fs.writeFileSync(path.join(tree, "new"), "");
  expect(findCommit(tree).commit).toBe(hash);
  fs.appendFileSync(path.join(tree, ".gitattributes"), "# more\n");
  expect(findCommit(tree).commit).toBe(`${hash}-changed`);
});

it("findCommit() of an archive without git is the same as of the clone, also below another clone", () => {
  const expected = commit();
  const unpacked = path.join(tree, "unpacked");
  fs.mkdirSync(unpacked);
  execFileSync("sh", ["-c", 'git -C "$0" archive HEAD | tar -x -C "$1"', tree, unpacked]);
  expect(findCommit(unpacked)).toEqual(expected);
});

it("findCommit() of a copy that was never committed is empty, also below a clone", () => {
  const nothing = { commit: "", date: "", time: "" };
  expect(findCommit(tree)).toEqual(nothing);
  commit();
  fs.cpSync(path.join(tree, "build"), path.join(tree, "copy/build"), { recursive: true });
  expect(findCommit(path.join(tree, "copy"))).toEqual(nothing);
  fs.rmSync(path.join(tree, "copy"), { recursive: true });
});
