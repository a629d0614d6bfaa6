// The commit that a tree is of: git's answer, or what `git archive` has put into commit.txt.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

/** In a clone it holds a placeholder, which `git archive` replaces (.gitattributes). */
const NOTE = "build/commit.txt";

/** How many of a commit's digits are shown. */
const DIGITS = 12;

/**
 * The commit of a tree: `{ commit, date, time }`, with its day and its time in seconds, so that a build says the same whenever it is made. A
 * tree with changes says so. All three are empty where nothing tells.
 */
export function findCommit(root) {
  const isClone = fs.existsSync(path.join(root, ".git"));
  const [hash = "", date = "", time = ""] = isClone ? askGit(root) : readNote(root);
  if (!/^[0-9a-f]{40,}$/.test(hash)) return { commit: "", date: "", time: "" };
  const ending = isClone && listChanges(root).length > 0 ? "-changed" : "";
  return { commit: hash.slice(0, DIGITS) + ending, date, time };
}

/** What a clone has that its commit has not: files that git knows and that were changed, or, with "all", new ones too. */
export function listChanges(root, files = "no") {
  const lines = git(root, ["status", "--porcelain", `--untracked-files=${files}`]).split("\n");
  return lines.filter((line) => line !== "");
}

function askGit(root) {
  return git(root, ["log", "-1", "--no-show-signature", "--format=%H %cs %ct"]).trim().split(" ");
}

function readNote(root) {
  const file = path.join(root, NOTE);
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim().split(" ") : [];
}

/** Git's output; empty where git is missing or refuses. The builder need not own the clone. */
function git(root, args) {
  const options = { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } };
  const { status, stdout } = spawnSync("git", ["-c", "safe.directory=*", "-C", root, ...args], options);
  return status === 0 ? stdout : "";
}
