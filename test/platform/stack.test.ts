import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { buildNative } from "../../build/native-image.mjs";

const root = path.resolve(import.meta.dirname, "../..");

/** What is put into a file of the product's, and behind which text: into a function that does not run when a module is loaded. */
const SPOILED = {
  file: "plugins/host-local/candidate.ts",
  behind: "for (const run of runsAfter(set, last)) {",
};

function linesOf(file: string): readonly string[] {
  return fs.readFileSync(path.join(root, file), "utf8").split("\n");
}

/** The line on which a text is in a file. */
function lineOf(file: string, text: string): number {
  return 1 + linesOf(file).findIndex((line) => line.includes(text));
}

test("an error with code 999 carries a stack with the functions and lines of the TypeScript sources", async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stack-"));
  try {
    const image = path.join(folder, "host-local");
    await buildNative(image, {
      load: (file) => {
        const source = fs.readFileSync(path.join(root, file), "utf8");
        return file === SPOILED.file
          ? source.replace(SPOILED.behind, `${SPOILED.behind} throw new TypeError("spoiled");`)
          : source;
      },
    });
    const ipam = { type: "host-local", dataDir: folder, subnet: "10.1.2.0/24" };
    const { status, stdout, stderr } = spawnSync(image, {
      input: JSON.stringify({ cniVersion: "1.1.0", name: "net1", ipam }),
      env: { CNI_COMMAND: "ADD", CNI_CONTAINERID: "c1", CNI_NETNS: "/x", CNI_IFNAME: "eth0", CNI_PATH: folder },
      encoding: "utf8",
    });
    expect({ status, error: JSON.parse(stdout) }).toEqual({ status: 1, error: { code: 999, msg: "spoiled" } });
    expect(stderr.split("\n")[0]).toBe("TypeError: spoiled");
    const frames = [...stderr.matchAll(/^ {4}at (\S+) \((\S+):(\d+):\d+\)$/gm)].map(
      ([, name = "", file = "", line]) => ({ name, file, line: Number(line) }),
    );
    expect(frames.length).toBeGreaterThan(5);
    expect(frames[0]).toEqual({
      name: "findCandidate",
      file: SPOILED.file,
      line: lineOf(SPOILED.file, SPOILED.behind),
    });
    // Each further frame is on the line on which the function of the one before is called.
    for (const [i, { file, line }] of frames.slice(1).entries()) {
      const called = frames[i]?.name ?? "";
      if (called !== "<anonymous>") expect(linesOf(file)[line - 1], `${file}:${line}`).toContain(`${called}(`);
    }
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}, 120_000);
