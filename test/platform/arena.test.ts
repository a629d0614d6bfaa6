import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { findToolchain } from "../../build/toolchain.mjs";

const native = path.resolve(import.meta.dirname, "../../native");

test("the arena gives no byte to two blocks, keeps what is in them, and knows how large each is", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "arena-"));
  try {
    const program = path.join(folder, "arena");
    const checks = ["-O1", "-g", "-fsanitize=undefined", "-fno-sanitize-recover=undefined", "-Wno-deprecated"];
    const source = path.join(import.meta.dirname, "fixtures/arena.c");
    execFileSync("gcc", [
      ...checks,
      "-D_GNU_SOURCE",
      "-I",
      native,
      "-I",
      findToolchain().engine,
      source,
      "-o",
      program,
    ]);
    const { status, stdout, stderr } = spawnSync(program, { encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "30000\n", stderr: "" });
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}, 120_000);
