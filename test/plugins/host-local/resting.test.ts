import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { findResting, noteReleased } from "../../../plugins/host-local/resting.ts";
import { temporaryFolder } from "./host-local.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function at(time: number): void {
  vi.useFakeTimers({ now: time, toFake: ["Date"] });
}

const T = 1_795_231_234_567;

function folderWith(released?: string): string {
  const folder = temporaryFolder();
  fs.mkdirSync(path.join(folder, ".state"));
  if (released !== undefined) fs.writeFileSync(path.join(folder, ".state/released"), released);
  return folder;
}

describe("findResting()", () => {
  test("finds what was released less than so many seconds ago, the first released in front", () => {
    const folder = folderWith();
    at(T);
    noteReleased(folder, ["10.1.2.9", "2001:db8::2"]);
    at(T + 10_000);
    noteReleased(folder, ["10.1.2.2"]);
    expect(fs.readFileSync(path.join(folder, ".state/released"), "utf8")).toBe(
      `${T} 10.1.2.9\n${T} 2001:db8::2\n${T + 10_000} 10.1.2.2\n`,
    );
    at(T + 29_999);
    expect(findResting(folder, 30)).toEqual(["10.1.2.9", "2001:db8::2", "10.1.2.2"]);
    at(T + 30_000);
    expect(findResting(folder, 30)).toEqual(["10.1.2.2"]);
    expect(findResting(folder, 0)).toEqual([]);
    at(T + 40_000);
    expect(findResting(folder, 30)).toEqual([]);
  });

  test("counts from the last release", () => {
    at(T + 20_000);
    const folder = folderWith(`${T} 10.1.2.9\n${T + 5000} 10.1.2.2\n${T + 10_000} 10.1.2.9\n`);
    expect(findResting(folder, 30)).toEqual(["10.1.2.2", "10.1.2.9"]);
  });

  test("sorts by time and counts the last line of an address, also where the clock was set back between", () => {
    at(T + 10_000);
    const folder = folderWith(`${T + 5000} 10.1.2.2\n${T + 1000} 10.1.2.9\n${T} 10.1.2.3\n${T - 60_000} 10.1.2.3\n`);
    expect(findResting(folder, 30)).toEqual(["10.1.2.9", "10.1.2.2"]);
  });

  test("takes a time to come, after the clock was set back, for a rest that goes on", () => {
    at(T - 3_600_000);
    const folder = folderWith(`${T} 10.1.2.9\n`);
    expect(findResting(folder, 30)).toEqual(["10.1.2.9"]);
    expect(findResting(folder, 0)).toEqual([]);
  });

  test("passes over what a crash tore, and lives without the file", () => {
    at(T);
    const torn = [`179523${T} 10.1.2.3`, "\0\0\0", `${T} 10.1.2.5\0\0`, `${T} `];
    const folder = folderWith([`${T} 10.1.2.9`, ...torn, `${T} 10.1.2.4`].join("\n"));
    expect(findResting(folder, 30)).toEqual(["10.1.2.9", "10.1.2.4"]);
    expect(findResting(folderWith(), 30)).toEqual([]);
  });

  test("writes the file anew once it is long and most of it is over", () => {
    const old = Array.from({ length: 100 }, (_, index) => `${T - 60_000} 10.1.3.${index}\n`);
    const folder = folderWith(`${old.join("")}${T} 10.1.2.9\n`);
    at(T);
    expect(findResting(folder, 30)).toEqual(["10.1.2.9"]);
    expect(fs.readFileSync(path.join(folder, ".state/released"), "utf8")).toBe(`${T} 10.1.2.9\n`);
    expect(fs.readdirSync(path.join(folder, ".state"))).toEqual(["released"]);
  });

  test.each([
    ["short", 60, 1],
    ["mostly of use", 90, 100],
  ])("leaves a file as it is that is %s", (_, over, resting) => {
    const linesOf = (count: number, time: number, subnet: string) =>
      Array.from({ length: count }, (_, index) => `${time} ${subnet}.${index}\n`).join("");
    const text = linesOf(over, T - 60_000, "10.1.3") + linesOf(resting, T, "10.1.4");
    const folder = folderWith(text);
    at(T);
    expect(findResting(folder, 30)).toHaveLength(resting);
    expect(fs.readFileSync(path.join(folder, ".state/released"), "utf8")).toBe(text);
  });
});

test("findResting() does without writing a long file anew where it cannot", () => {
  const old = `${T - 60_000} 10.1.2.2\n`.repeat(100);
  const folder = folderWith(`${old}${T} 10.1.2.9\n`);
  vi.spyOn(fs, "renameSync").mockImplementation(() => {
    throw new Error("EROFS");
  });
  at(T);
  expect(findResting(folder, 30)).toEqual(["10.1.2.9"]);
});

test("noteReleased() tells root alone", () => {
  const folder = folderWith();
  noteReleased(folder, ["10.1.2.9"]);
  expect(fs.statSync(path.join(folder, ".state/released")).mode & 0o777).toBe(0o600);
});

test("noteReleased() fails for no disk", () => {
  const folder = folderWith();
  const write = vi.spyOn(fs, "writeSync").mockImplementation(() => {
    throw new Error("ENOSPC");
  });
  expect(() => noteReleased(folder, ["10.1.2.9"])).not.toThrow();
  expect(write).toHaveBeenCalled();
});
