import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { isPreloaded } from "../../build/native-image.mjs";
import { recordModules } from "./record-modules.ts";

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

test("a process begins with all modules that an ADD, CHECK or DEL loads", async () => {
  const { ever } = await recordModules();
  expect(ever.size).toBeGreaterThan(200);
  expect([...ever].filter((name) => !isPreloaded(name))).toEqual([]);
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
