import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeArchive } from "../../build/release/archive.mjs";
import { writeChecksums } from "../../build/release/checksums.mjs";
import { PLUGINS } from "../repository/tree.ts";

const NAMES = [...PLUGINS, "cnictl"].sort();
const RELEASE = { version: "1.2.3", time: 1_767_312_000 };
const FILES = { LICENSE: "a licence\n", "conf/podman/a.conflist": "{}\n", "conf/b.conflist": "{}\n" };

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "archive-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

/** Makes the archive in a new folder of this name. Returns its path. */
async function make(name: string, umask: number): Promise<string> {
  const [output, image] = [path.join(folder, name), path.join(folder, name, "image")];
  const old = process.umask(umask);
  try {
    fs.mkdirSync(image, { recursive: true });
    const first = path.join(image, NAMES[0] ?? "");
    fs.writeFileSync(first, "the executable", { mode: 0o755 });
    fs.chmodSync(first, 0o755);
    for (const each of NAMES.slice(1)) fs.linkSync(first, path.join(image, each));
    await makeArchive(output, { release: RELEASE, arch: "amd64", image, files: FILES });
  } finally {
    process.umask(old);
  }
  return path.join(output, "cni-plugins-ts-linux-amd64-v1.2.3.tgz");
}

it("makeArchive() writes the same bytes in another folder, under another umask, at another time", async () => {
  const first = fs.readFileSync(await make("a", 0o022));
  expect(fs.readFileSync(await make("b", 0o077)).equals(first)).toBe(true);
});

it("makeArchive() has one copy of the executable, root as owner, plain modes, and the date of the release", async () => {
  const list = execFileSync("tar", ["-tvzf", await make("a", 0o077), "--utc", "--numeric-owner"], { encoding: "utf8" });
  const [first, ...others] = NAMES;
  expect(
    list
      .trim()
      .split("\n")
      .map((line) => line.replaceAll(/ +/g, " ")),
  ).toEqual(
    [
      "-rw-r--r-- 0/0 10 2026-01-02 00:00 LICENSE",
      ...[
        `-rwxr-xr-x 0/0 14 2026-01-02 00:00 ${first}`,
        ...others.map((name) => `hrwxr-xr-x 0/0 0 2026-01-02 00:00 ${name} link to ${first}`),
        "drwxr-xr-x 0/0 0 2026-01-02 00:00 conf/",
      ].sort((a, b) => ((/00:00 (\S+)/.exec(a)?.[1] ?? "") < (/00:00 (\S+)/.exec(b)?.[1] ?? "") ? -1 : 1)),
    ].flatMap((line) => (line.endsWith("conf/") ? [line, ...CONF] : [line])),
  );
});

const CONF = [
  "-rw-r--r-- 0/0 3 2026-01-02 00:00 conf/b.conflist",
  "drwxr-xr-x 0/0 0 2026-01-02 00:00 conf/podman/",
  "-rw-r--r-- 0/0 3 2026-01-02 00:00 conf/podman/a.conflist",
];

it("writeChecksums() writes what sha256sum and sha512sum confirm", () => {
  for (const name of ["b", "a"]) fs.writeFileSync(path.join(folder, name), name);
  writeChecksums(folder);
  expect(fs.readdirSync(folder)).toEqual(["SHA256SUMS", "SHA512SUMS", "a", "b"]);
  for (const tool of ["sha256", "sha512"]) {
    const args = ["--check", "--strict", `${tool.toUpperCase()}SUMS`];
    expect(execFileSync(`${tool}sum`, args, { cwd: folder, encoding: "utf8" })).toBe("a: OK\nb: OK\n");
  }
});
