import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { sweep, withdrawFile } from "../../../plugins/host-local/aside-file.ts";
import {
  overwriteFile,
  placeLink,
  publishFile,
  readLink,
  replaceFile,
} from "../../../plugins/host-local/atomic-file.ts";
import { errnoOf } from "../../../plugins/host-local/store-failure.ts";
import { temporaryFolder } from "./host-local.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

function errnoFrom(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    return errnoOf(error);
  }
  return "none";
}

/** What a folder holds, by name. */
function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    fs.readdirSync(folder).map((name) => [name, fs.readFileSync(path.join(folder, name), "utf8")]),
  );
}

describe("publishFile()", () => {
  test("writes a file of mode 0600 and nothing else", () => {
    const folder = temporaryFolder();
    expect(publishFile(folder, { name: "10.1.2.2", text: "c1\r\neth0" })).toBe(true);
    expect(contents(folder)).toEqual({ "10.1.2.2": "c1\r\neth0" });
    const stat = fs.statSync(path.join(folder, "10.1.2.2"));
    expect([stat.mode & 0o777, stat.nlink]).toEqual([0o600, 1]);
  });

  test("leaves a file of that name alone", () => {
    const folder = temporaryFolder();
    fs.writeFileSync(path.join(folder, "10.1.2.2"), "");
    expect(publishFile(folder, { name: "10.1.2.2", text: "c1\r\neth0" })).toBe(false);
    expect(contents(folder)).toEqual({ "10.1.2.2": "" });
  });

  test.each([["writeFileSync"], ["linkSync"]] as const)("leaves nothing behind when %s fails", (call) => {
    const folder = temporaryFolder();
    vi.spyOn(fs, call).mockImplementation((...args: unknown[]) => {
      if (call === "writeFileSync") fs.closeSync(fs.openSync(String(args[0]), "wx"));
      throw failure("ENOSPC");
    });
    expect(errnoFrom(() => publishFile(folder, { name: "10.1.2.2", text: "c1\r\neth0" }))).toBe("ENOSPC");
    expect(contents(folder)).toEqual({});
  });

  test.each([["EPERM"], ["EOPNOTSUPP"]])("copies where the file system has no hard links (%s)", (code) => {
    const folder = temporaryFolder();
    vi.spyOn(fs, "linkSync").mockImplementation(() => {
      throw failure(code);
    });
    expect(publishFile(folder, { name: "10.1.2.2", text: "c1\r\neth0" })).toBe(true);
    expect(publishFile(folder, { name: "10.1.2.2", text: "c2\r\neth0" })).toBe(false);
    expect(contents(folder)).toEqual({ "10.1.2.2": "c1\r\neth0" });
  });
});

describe("publishFile() with a time and an announcement", () => {
  test("announces the file when nothing but its name is missing, and dates it", () => {
    const folder = temporaryFolder();
    const announced: number[] = [];
    const announce = () => announced.push(fs.readdirSync(folder).length);
    expect(publishFile(folder, { name: "10.1.2.2", text: "c1", time: 1_795_231_234_567, announce })).toBe(true);
    expect(announced).toEqual([1]);
    expect(Math.round(fs.statSync(path.join(folder, "10.1.2.2")).mtimeMs)).toBe(1_795_231_234_567);
  });
});

describe("placeLink()", () => {
  test("makes a link that says what it should, and replaces it", () => {
    const link = path.join(temporaryFolder(), "c1:eth0");
    placeLink(link, "10.1.2.2 - - -");
    placeLink(link, "10.1.2.3 - - - /run/netns/x");
    expect(readLink(link)).toBe("10.1.2.3 - - - /run/netns/x");
    expect(fs.readdirSync(path.dirname(link))).toEqual(["c1:eth0"]);
  });

  test("leaves the old one and nothing else when it fails", () => {
    const link = path.join(temporaryFolder(), "c1:eth0");
    placeLink(link, "old");
    vi.spyOn(fs, "renameSync").mockImplementation(() => {
      throw failure("ENOSPC");
    });
    expect(errnoFrom(() => placeLink(link, "new"))).toBe("ENOSPC");
    expect(readLink(link)).toBe("old");
    expect(fs.readdirSync(path.dirname(link))).toEqual(["c1:eth0"]);
  });

  test("readLink() finds nothing where there is no link", () => {
    expect(readLink("/nonexistent")).toBeUndefined();
  });
});

describe("publishFile() and replaceFile()", () => {
  /** Sweeps the folder before each of the next `count` uses of a draft. */
  function sweepBefore(call: "linkSync" | "renameSync", count: number): void {
    const original = fs[call];
    const spy = vi.spyOn(fs, call).mockImplementation((from, to) => {
      if (spy.mock.calls.length <= count) fs.rmSync(from);
      original(from, to);
    });
  }

  test("write another draft where the holder of the lock has swept theirs away", () => {
    const folder = temporaryFolder();
    sweepBefore("linkSync", 2);
    sweepBefore("renameSync", 2);
    expect(publishFile(folder, { name: "10.1.2.2", text: "c1\r\neth0" })).toBe(true);
    replaceFile(folder, "last_reserved_ip.0", "10.1.2.2");
    expect(contents(folder)).toEqual({ "10.1.2.2": "c1\r\neth0", "last_reserved_ip.0": "10.1.2.2" });
  });

  test("give up after the third draft", () => {
    const folder = temporaryFolder();
    sweepBefore("linkSync", 3);
    expect(errnoFrom(() => publishFile(folder, { name: "10.1.2.2", text: "c1\r\neth0" }))).toBe("ENOENT");
    expect(contents(folder)).toEqual({});
  });
});

describe("overwriteFile()", () => {
  test("leaves exactly the text, longer or shorter than what was there, in a file of its own mode", () => {
    const folder = temporaryFolder();
    for (const text of ["10.1.2.2", "10.1.2.254", "10.1.2.3"]) {
      overwriteFile(folder, "last_reserved_ip.0", text);
      expect(fs.readFileSync(path.join(folder, "last_reserved_ip.0"), "utf8")).toBe(text);
    }
    expect(fs.statSync(path.join(folder, "last_reserved_ip.0")).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(folder)).toEqual(["last_reserved_ip.0"]);
  });

  test.each(["a symbolic link", "a pipe"])("replaces %s in its place, and writes nothing elsewhere", (what) => {
    const folder = temporaryFolder();
    const target = path.join(temporaryFolder(), "theirs");
    const file = path.join(folder, "last_reserved_ip.0");
    fs.writeFileSync(target, "theirs");
    if (what === "a pipe") execFileSync("mkfifo", [file]);
    else fs.symlinkSync(target, file);
    overwriteFile(folder, "last_reserved_ip.0", "10.1.2.3");
    expect([fs.lstatSync(file).isFile(), fs.readFileSync(file, "utf8")]).toEqual([true, "10.1.2.3"]);
    expect(fs.readFileSync(target, "utf8")).toBe("theirs");
  });
});

describe("replaceFile()", () => {
  test("replaces what is there", () => {
    const folder = temporaryFolder();
    replaceFile(folder, "last_reserved_ip.0", "10.1.2.22");
    replaceFile(folder, "last_reserved_ip.0", "10.1.2.3");
    expect(contents(folder)).toEqual({ "last_reserved_ip.0": "10.1.2.3" });
  });

  test("leaves the old text and nothing else when it fails", () => {
    const folder = temporaryFolder();
    replaceFile(folder, "last_reserved_ip.0", "10.1.2.2");
    vi.spyOn(fs, "renameSync").mockImplementation(() => {
      throw failure("ENOSPC");
    });
    expect(errnoFrom(() => replaceFile(folder, "last_reserved_ip.0", "10.1.2.3"))).toBe("ENOSPC");
    expect(contents(folder)).toEqual({ "last_reserved_ip.0": "10.1.2.2" });
  });
});

describe("withdrawFile()", () => {
  test("removes a file that says what it should", () => {
    const folder = temporaryFolder();
    publishFile(folder, { name: "10.1.2.2", text: "c1\r\neth0" });
    expect(withdrawFile(folder, "10.1.2.2", "c1\r\neth0")).toBe(true);
    expect(contents(folder)).toEqual({});
  });

  test("keeps the lease of another that has got the address meanwhile", () => {
    const folder = temporaryFolder();
    publishFile(folder, { name: "10.1.2.2", text: "c2\r\neth0" });
    expect(withdrawFile(folder, "10.1.2.2", "c1\r\neth0")).toBe(false);
    expect(contents(folder)).toEqual({ "10.1.2.2": "c2\r\neth0" });
  });

  test("leaves to another who removes the same lease what that one has done", () => {
    const folder = temporaryFolder();
    publishFile(folder, { name: "10.1.2.2", text: "c1" });
    const rename = fs.renameSync;
    vi.spyOn(fs, "renameSync").mockImplementation((from, to) => {
      rename(from, to);
      fs.rmSync(to);
    });
    expect(withdrawFile(folder, "10.1.2.2", "c1")).toBe(false);
    expect(contents(folder)).toEqual({});
  });

  test("takes a file that is gone for done", () => {
    expect(withdrawFile(temporaryFolder(), "10.1.2.2", "c1\r\neth0")).toBe(false);
  });

  test("unlinks in place where a full disk has no room for another name", () => {
    const folder = temporaryFolder();
    publishFile(folder, { name: "10.1.2.2", text: "c1\r\neth0" });
    publishFile(folder, { name: "10.1.2.3", text: "c2\r\neth0" });
    vi.spyOn(fs, "renameSync").mockImplementation(() => {
      throw failure("ENOSPC");
    });
    expect(withdrawFile(folder, "10.1.2.2", "c1\r\neth0")).toBe(true);
    expect(withdrawFile(folder, "10.1.2.3", "c1\r\neth0")).toBe(false);
    expect(contents(folder)).toEqual({ "10.1.2.3": "c2\r\neth0" });
  });

  test("gives a file that it cannot read its name back: it may be another's", () => {
    const folder = temporaryFolder();
    publishFile(folder, { name: "10.1.2.2", text: "c1\r\neth0" });
    vi.spyOn(fs, "openSync").mockImplementation(() => {
      throw Object.assign(failure("EIO"), { errno: -5 });
    });
    expect(errnoFrom(() => withdrawFile(folder, "10.1.2.2", "c1\r\neth0"))).toBe("EIO");
    vi.restoreAllMocks();
    expect(contents(folder)).toEqual({ "10.1.2.2": "c1\r\neth0" });
  });

  test.each([
    ["EINTR", -4, {}],
    ["EROFS", -30, { ".gone": "c1\r\neth0" }],
  ])("tries again to remove what it has set aside where %s may pass, and else says so", (code, errno, left) => {
    const folder = temporaryFolder();
    publishFile(folder, { name: "10.1.2.2", text: "c1\r\neth0" });
    vi.spyOn(fs, "unlinkSync").mockImplementationOnce(() => {
      throw Object.assign(failure(code), { errno });
    });
    const isLeft = Object.keys(left).length > 0;
    expect(errnoFrom(() => withdrawFile(folder, "10.1.2.2", "c1\r\neth0"))).toBe(isLeft ? code : "none");
    const found = Object.entries(contents(folder)).map(([name, text]) => [name.replace(/-.*/, ""), text]);
    expect(Object.fromEntries(found)).toEqual(left);
  });
});

describe("sweep()", () => {
  test("removes drafts at once, what was set aside after a minute, and nothing else", () => {
    const folder = temporaryFolder();
    for (const name of [".new-a", ".gone-b", "10.1.2.2", ".other"]) fs.writeFileSync(path.join(folder, name), "x");
    sweep(folder, fs.readdirSync(folder));
    expect(fs.readdirSync(folder).sort()).toEqual([".gone-b", ".other", "10.1.2.2"]);
    vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ["Date"] });
    sweep(folder, fs.readdirSync(folder));
    expect(fs.readdirSync(folder).sort()).toEqual([".other", "10.1.2.2"]);
  });

  test("removes what was set aside also where the clock was set back since, and bears that it is gone", () => {
    const folder = temporaryFolder();
    fs.writeFileSync(path.join(folder, ".gone-b"), "x");
    vi.useFakeTimers({ now: Date.now() - 61_000, toFake: ["Date"] });
    sweep(folder, [".gone-a", ".gone-b"]);
    expect(fs.readdirSync(folder)).toEqual([]);
  });
});
