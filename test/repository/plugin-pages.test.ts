import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type * as z from "zod/v4/core";
import { netConf } from "../../src/cni/fields.ts";
import { PLUGINS, read, root, SHIPPED } from "./tree.ts";

/** A line of a plugin's table of fields. */
interface Row {
  /** Paths such as "ipam.ranges[][].subnet"; several where they share a line. */
  readonly names: readonly string[];
  readonly type: string;
}

const HEAD = "| field | type | default | meaning |";

/** The lines of every table of fields; CNI_ARGS is no part of the configuration. */
function rowsOf(markdown: string): readonly Row[] {
  const tables = markdown.split(HEAD).slice(1);
  const lines = tables.flatMap((table) => (table.split("\n\n")[0] ?? "").split("\n").slice(2));
  return lines
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .filter(([, name = ""]) => name !== "" && !name.startsWith("`CNI_ARGS`"))
    .map(([, name = "", type = ""]) => ({
      names: [...name.matchAll(/`([^`]+)`/g)].map(([, each = ""]) => each),
      type,
    }));
}

/** The path of every field of a schema that has no fields of its own. */
function leavesOf(schema: z.$ZodType, at = ""): readonly string[] {
  const { def } = (schema as z.$ZodTypes)._zod;
  switch (def.type) {
    case "optional":
    case "default":
    case "catch":
      return leavesOf(def.innerType, at);
    case "array":
      return leavesOf(def.element, `${at}[]`);
    case "object":
      return Object.entries(def.shape).flatMap(([key, member]) => leavesOf(member, at === "" ? key : `${at}.${key}`));
    default:
      // A list of texts or numbers is one field; one of objects has their fields.
      return [at.replace(/(\[\])+$/, "")];
  }
}

/** A field has a line of its own, or is named among the types in the line of what it is part of. */
function isDescribed(leaf: string, rows: readonly Row[]): boolean {
  return rows.some(({ names, type }) =>
    names.some((name) => {
      if (name === leaf) return true;
      const rest = leaf.startsWith(name) ? /^[.[\]]*(\w+)$/.exec(leaf.slice(name.length)) : null;
      return rest !== null && type.split(/\W+/).includes(rest[1] ?? "");
    }),
  );
}

async function schemaOf(name: string): Promise<z.$ZodType | undefined> {
  if (!fs.existsSync(path.join(root, `plugins/${name}/schema.ts`))) return undefined;
  const module: Record<string, unknown> = await import(`../../plugins/${name}/schema.ts`);
  const words = name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  // "static" and the like cannot be a function's name.
  const make = module[words] ?? module[`${words}Plugin`];
  if (typeof make !== "function") throw new Error(`plugins/${name}/schema.ts exports no schema of the plugin's name`);
  return make();
}

describe("plugins/<name>/README.md", () => {
  it.each(PLUGINS)("%s: its table of fields names those of the schema and no others", async (name) => {
    const rows = rowsOf(read(`plugins/${name}/README.md`));
    const schema = await schemaOf(name);
    const leaves = schema === undefined ? [] : leavesOf(schema);
    // Every plugin's: SPEC.md describes them.
    const own = leaves.filter((leaf) => !leavesOf(netConf()).includes(leaf));
    expect(own.filter((leaf) => !isDescribed(leaf, rows))).toEqual([]);
    const isField = (field: string) =>
      leaves.some((leaf) => leaf === field || leaf.startsWith(`${field}.`) || leaf.startsWith(`${field}[`));
    expect(rows.flatMap(({ names }) => names).filter((field) => !isField(field))).toEqual([]);
  });

  it.each(PLUGINS)("%s: says what it is in one sentence, has an example, and says what each verb does", (name) => {
    const text = read(`plugins/${name}/README.md`);
    expect(text).toMatch(new RegExp(`^# ${name}\n\n[A-Z]`));
    for (const heading of ["Example", "Fields", "What each verb does", "Errors", "Differences from the Go plugin"])
      expect(text).toContain(`\n## ${heading}\n`);
    expect(text).toMatch(/^```sh\n[^`]*cnictl add[^`]*```\n\n```json\n/m);
  });
});

/** The messages that a page's table of errors quotes, without what differs from case to case. */
function quotedMessages(markdown: string): readonly string[] {
  const [, table = ""] = markdown.split("\n## Errors\n");
  const rows = (table.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("| `"));
  const cells = rows.map((row) => row.split(/(?<!\\)\|/)[1] ?? "");
  const quoted = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text));
  return quoted.flatMap((text) => text.split("…").map((part) => part.replace(/^[\s:;,]+|[\s:;,]+$/g, "")));
}

describe("a plugin's table of errors", () => {
  const code = SHIPPED.map(read).join("\n").replaceAll('\\"', '"');

  it.each(PLUGINS)("%s: it quotes messages that are in the code", (name) => {
    const messages = quotedMessages(read(`plugins/${name}/README.md`)).filter((text) => text.length > 0);
    expect(messages.length).toBeGreaterThan(0);
    expect(messages.filter((text) => !code.includes(text))).toEqual([]);
  });
});

describe("the reader of a table of fields", () => {
  it("knows a field by its own line, by the type of what it is part of, and nothing else", () => {
    const rows = rowsOf(
      `${HEAD}\n|---|---|---|---|\n| \`a\`, \`b\` | text | | |\n| \`c\` | list of \`{ d }\` | | |\n\nmore`,
    );
    expect(rows).toEqual([
      { names: ["a", "b"], type: "text" },
      { names: ["c"], type: "list of `{ d }`" },
    ]);
    const described = ["a", "b", "c[].d", "c[].e", "f"].filter((leaf) => isDescribed(leaf, rows));
    expect(described).toEqual(["a", "b", "c[].d"]);
  });
});
