import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = path.join(import.meta.dirname, "../..");

/** A constant of ours, what C calls it, and the headers that its doc comment names. */
interface Constant {
  readonly ours: string;
  readonly c: string;
  readonly value: string;
  readonly headers: readonly string[];
}

/** A doc comment and the constant behind it: a number, or a table of numbers. */
const DECLARATION = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(?:export )?const (\w+) = (-?\w+|\{[^{}]*\} as const);/g;

const MEMBER = /^\s*(\w+): (-?\w+)$/;

/** The constants in a source file whose comments name a C header. A table's members have its name in front; ERRNO's do not. What a library keeps to itself is left out. */
function constantsOf(file: string): readonly Constant[] {
  const source = fs.readFileSync(path.join(root, file), "utf8");
  return [...source.matchAll(DECLARATION)].flatMap(([, comment = "", name = "", literal = ""]) => {
    const headers = [...comment.matchAll(/<([\w/.-]+\.h)>/g)].map(([, header = ""]) => header);
    const struct = /sizeof\((struct \w+)\)/.exec(comment)?.[1];
    if (headers.length === 0 || headers.some((header) => header.startsWith("libnftnl/"))) return [];
    if (!literal.startsWith("{")) {
      return [{ ours: name, c: struct === undefined ? name : `sizeof(${struct})`, value: numberOf(literal), headers }];
    }
    return membersOf(literal).map(([member, value]) => {
      return { ours: `${name}.${member}`, c: name === "ERRNO" ? member : `${name}_${member}`, value, headers };
    });
  });
}

function membersOf(literal: string): readonly [string, string][] {
  const lines = literal
    .slice(1, literal.lastIndexOf("}"))
    .replaceAll(/\/\/.*|\/\*[\s\S]*?\*\//g, "")
    .split(",");
  return lines.flatMap((line): [string, string][] => {
    const [, member, value] = MEMBER.exec(line.trim()) ?? [];
    return member === undefined || value === undefined ? [] : [[member, numberOf(value)]];
  });
}

/** In C's writing: octal, and without the n of a bigint. */
function numberOf(literal: string): string {
  return literal.replace(/^0o/, "0").replace(/n$/, "");
}

function programOf(constants: readonly Constant[]): string {
  const headers = [...new Set(constants.flatMap((constant) => constant.headers))];
  return [
    "#define _GNU_SOURCE",
    // Some of the kernel's headers lean on it without including it.
    "#include <linux/netlink.h>",
    ...headers.map((header) => `#include <${header}>`),
    ...constants.map(({ ours, c, value }) => `_Static_assert((long long)(${c}) == ${value}, "${ours} is ${value}");`),
    "",
  ].join("\n");
}

const files = ["platform", "linux", "netlink", "netfilter", "steps"]
  .flatMap((folder) => fs.globSync(`src/${folder}/**/*.ts`, { cwd: root }))
  .filter((file) => constantsOf(file).length > 0);

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "kernel-constants-"));
const programs = new Map(files.map((file) => [file, path.join(folder, `${file.replaceAll("/", "-")}.c`)]));
let complaints = "";

beforeAll(() => {
  for (const [file, program] of programs) fs.writeFileSync(program, programOf(constantsOf(file)));
  const gcc = spawnSync("gcc", ["-fsyntax-only", ...programs.values()], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
  if (gcc.error !== undefined) {
    const remedy = "`node test/setup.mjs` installs it, and libc's and the kernel's headers";
    throw new Error(`Cannot compare our constants with the C headers: ${gcc.error.message}; ${remedy}`);
  }
  complaints = gcc.stderr;
});

afterAll(() => fs.rmSync(folder, { recursive: true }));

test.each(files)("%s has the constants of the C headers", (file) => {
  const program = programs.get(file) ?? "";

  expect(complaints.split("\n").filter((line) => line.startsWith(program) && line.includes("error:"))).toEqual([]);
});

test("the constants that are compared are the ones that speak to the kernel", () => {
  const names = files.flatMap(constantsOf).map(({ ours }) => ours);

  expect(names).toEqual(
    expect.arrayContaining(["ERRNO.ENOENT", "RTM.NEWLINK", "IFLA.IFNAME", "CLONE_NEWNET", "LINK_HEADER_SIZE"]),
  );
  expect(names.length).toBeGreaterThan(250);
});
