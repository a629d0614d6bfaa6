import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { binDir } from "../lab.ts";
import { PLUGINS } from "../repository/tree.ts";
import { referenceDir } from "./reference.ts";

const SHARED = PLUGINS.filter((name) => fs.existsSync(path.join(referenceDir(), name)));

/** What an executable prints without a command. */
function call(folder: string, name: string) {
  const { status, stdout, stderr } = spawnSync(path.join(folder, name), { encoding: "utf8", env: {}, input: "" });
  return { status, stdout, lines: stderr.split("\n") };
}

/** The line with the version's number taken out; Debian's builds say that theirs is unknown. */
function withoutNumber(line = ""): string {
  return line.replace(/(v\d+\.\d+\.\d+|version unknown)$/, "VERSION");
}

describe("the text without a command", () => {
  it.each(SHARED)(
    "%s: the reference's two lines, and one more with the commit, which the reference has not",
    (name) => {
      const [reference, ours] = [call(referenceDir(), name), call(binDir, name)];
      expect({ status: ours.status, stdout: ours.stdout }).toEqual({
        status: reference.status,
        stdout: reference.stdout,
      });
      expect(withoutNumber(ours.lines[0])).toBe(withoutNumber(reference.lines[0]));
      expect(ours.lines[1]).toBe(reference.lines[1]);
      expect(reference.lines.slice(2)).toEqual([""]);
      expect(ours.lines.slice(2).join("\n")).toMatch(
        /^(Built from commit [0-9a-f]{12}(-changed)? of \d{4}-\d\d-\d\d\n)?$/,
      );
    },
  );
});

describe("VERSION", () => {
  it.each(SHARED)("%s: has no more keys than the reference's", (name) => {
    const [reference, ours] = [referenceDir(), binDir].map((folder) => {
      const options = { encoding: "utf8", env: { CNI_COMMAND: "VERSION" }, input: "" } as const;
      return JSON.parse(spawnSync(path.join(folder, name), options).stdout);
    });
    expect(Object.keys(ours).sort()).toEqual(Object.keys(reference).sort());
  });
});
