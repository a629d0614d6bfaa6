import { describe, expect, it } from "vitest";
import { read } from "./tree.ts";

/** What npm needs of a package: engines, and whether it may be left out. */
interface Locked {
  readonly optional?: boolean;
  readonly engines?: { readonly node?: string };
}

/** Whether a range of versions admits Node 18, with which Debian 12 installs: the ranges that packages use begin at a version, or are of one major. */
function admits18(range: string): boolean {
  return range.split("||").some((part) => {
    const from = /^\s*>=\s*(\d+)/.exec(part);
    const major = /^\s*\^(\d+)/.exec(part);
    return from !== null ? Number(from[1]) <= 18 : Number(major?.[1]) === 18;
  });
}

describe("package-lock.json", () => {
  // npm says nothing when it leaves such a package out; the pinned Node runs it all the same. After an update of the lock: delete "engines" there.
  it("has no optional package that npm would leave out on Node 18", () => {
    const packages: Readonly<Record<string, Locked>> = JSON.parse(read("package-lock.json")).packages;
    const leftOut = Object.entries(packages)
      .filter(([, { optional, engines }]) => optional === true && !admits18(engines?.node ?? ">=0"))
      .map(([name]) => name);
    expect(leftOut).toEqual([]);
  });
});
