import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { readPreloaded } from "../../build/native-image.mjs";
import { recordModules } from "../preloaded/record.ts";

const root = path.join(import.meta.dirname, "../..");

const IMPORT = /^import [^;]*;$/gm;

/** Imports as somebody else might write them. */
const SPELLINGS: Readonly<Record<string, (source: string) => string>> = {
  "in the opposite order": (source) => {
    const imports = [...source.matchAll(IMPORT)].map(([text]) => text);
    return source.replaceAll(IMPORT, () => imports.pop() ?? "");
  },
  "with a statement for each name": (source) =>
    source.replaceAll(/^import \{ ([^}]+) \} from ("[^"]+");$/gm, (_, names: string, from: string) => {
      const each = names.split(",").map((name) => name.trim());
      return each.map((name) => (name === "" ? "" : `import { ${name} } from ${from};`)).join(" ");
    }),
};

function read(file: string): string {
  return fs.readFileSync(path.join(root, file), "utf8");
}

test("native/preloaded.txt has the modules that ADD, CHECK and DEL load: `npm run preload` writes it", async () => {
  expect([...(await recordModules())].sort()).toEqual([...readPreloaded()].sort());
});

test("an ADD loads the same modules however their imports are written", async () => {
  const lists = ["10-bridge.conflist"];
  const written = await recordModules({ lists });
  for (const [how, rewrite] of Object.entries(SPELLINGS)) {
    const found = await recordModules({ lists, load: (file) => rewrite(read(file)) });
    expect([...found].sort(), how).toEqual([...written].sort());
  }
});
