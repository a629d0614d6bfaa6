import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { buildNative } from "../../build/native-image.mjs";

const fixtures = path.join(import.meta.dirname, "fixtures");

/**
 * What a fixture prints on Node.js and as a native image of its own, each in an empty folder. The image begins with the fixtures of
 * `preloaded` loaded. CNI_SANITIZE as in test/sanitizers.mjs.
 */
export async function runOnBoth(
  fixture: string,
  preloaded?: readonly string[],
): Promise<{ readonly node: Run; readonly native: Run }> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "runtimes-"));
  try {
    const image = path.join(folder, "image");
    await buildNative(image, {
      entry: `test/platform/fixtures/${fixture}`,
      sanitize: process.env["CNI_SANITIZE"],
      ...(preloaded && { preloaded: (name: string) => preloaded.includes(path.basename(name)) }),
    });
    const node = run(folder, process.execPath, [path.join(fixtures, "on-node.ts"), path.join(fixtures, fixture)]);
    return { node, native: run(folder, image, []) };
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(folder: string, executable: string, args: readonly string[]): Run {
  const cwd = fs.mkdtempSync(path.join(folder, "run-"));
  const { status, stdout, stderr } = spawnSync(executable, args, { cwd, encoding: "utf8", maxBuffer: 1 << 28 });
  return { status, stdout, stderr };
}
