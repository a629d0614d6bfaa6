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

test("native/preloaded.txt has the modules that each ADD, CHECK and DEL loads: `npm run preload` writes it", async () => {
  const preloaded = readPreloaded();
  const { always } = await recordModules();
  expect([...always].filter((name) => !preloaded.includes(name))).toEqual([]);
  expect(preloaded.filter((name) => name.endsWith(".ts") && !isThere(name))).toEqual([]);
});

test("an ADD loads the same modules however their imports are written", async () => {
  // What portmap loads depends on the connections that the kernel tracks at that moment.
  const lists = ["buildkit/cni.conflist"];
  const written = await recordModules({ lists, times: 5 });
  for (const [how, rewrite] of Object.entries(SPELLINGS)) {
    const found = await recordModules({ lists, times: 5, load: (file) => rewrite(read(file)) });
    expect([...found.always].sort(), how).toEqual([...written.always].sort());
  }
});

function isThere(name: string): boolean {
  return name === "src/image/image-table.ts" || fs.existsSync(path.join(root, name));
}
