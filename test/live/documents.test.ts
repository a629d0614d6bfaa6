import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blocksOf } from "../documents/blocks.ts";
import { meaning, paste } from "../documents/paste.ts";
import { Lab } from "../lab.ts";
import { IN_VM } from "../vm/kinds.ts";

const root = path.join(import.meta.dirname, "../..");

/** test/parity/migrating.test.ts runs its blocks on a node that has the Go plugins. */
const FROM_GO = "docs/migrating-from-go.md";

/** Documents whose shell blocks are run: all of them that have any. What needs a running system is in blocks of another kind. Those of IN_VM run there. */
const DOCUMENTS = fs
  .globSync(["*.md", "docs/*.md", "plugins/*/README.md"], { cwd: root })
  .sort()
  .filter((file) => file !== FROM_GO && read(file).includes("```sh\n"))
  .filter((file) => !IN_VM.some((name) => file === `plugins/${name}/README.md`));

let lab: Lab;

beforeEach(() => {
  lab = new Lab();
});

afterEach(() => lab.dispose());

function read(file: string): string {
  return fs.readFileSync(path.join(root, file), "utf8");
}

describe("a document's shell blocks", () => {
  it.each(DOCUMENTS)("%s: they work as they stand, one after the other, and print what is said", (file) => {
    const blocks = blocksOf(read(file));
    const { printed } = paste(lab, file, blocks);
    for (const [index, block] of blocks.entries())
      if (block.printed !== undefined) expect(meaning(printed[index] ?? "")).toEqual(meaning(block.printed));
  });

  it("README.md: npm is asked for what package.json has", () => {
    // npm's own work is that of \`npm run test:fresh\`; that there is such work is this test's.
    const { npm } = paste(lab, "README.md", blocksOf(read("README.md")));
    expect(npm).toEqual(["run demo", "test", "ci", "run build"]);
    const { scripts } = JSON.parse(read("package.json"));
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["demo", "test", "build"]));
  });
});
