import path from "node:path";
import { describe, expect, it } from "vitest";
import { codeOf, importsOf, PLUGINS, read, SHIPPED } from "./tree.ts";

const DRAWERS = /^(utils?|helpers?|common|constants?|types|misc|shared|index)\.ts$/;

// What a rule of the linter can say stands in .biome.json.

function matching(pattern: RegExp): string[] {
  return SHIPPED.filter((file) => pattern.test(codeOf(file)));
}

describe("shipped code", () => {
  it("sleeps by pause(), and waits for a descriptor by poll()", () => {
    const waits = /\bfunctions\.(poll|\w*sleep|select|ppoll)\b/;
    expect(matching(waits)).toEqual(["src/linux/poll.ts", "src/platform/pause.ts"]);
  });

  it("is synchronous: a network namespace belongs to the thread only while it does not yield", () => {
    expect(matching(/\bawait\b|\basync\b/)).toEqual([]);
  });

  it("keeps no state in a module", () => {
    expect(matching(/^(export )?(let|var) /m)).toEqual([]);
  });

  it("is in files that say what they are about", () => {
    expect(SHIPPED.filter((file) => DRAWERS.test(path.basename(file)))).toEqual([]);
  });

  it("re-exports no type: a name is imported from where it is made", () => {
    expect(matching(/^export type (\*|\{[^}]*\}) from/m)).toEqual([]);
  });
});

describe("a plugin", () => {
  it.each(PLUGINS)(
    "%s is the folder of an executable: its main.ts is a table of verbs, its config.ts, where it has fields of its own, parses by the schema beside it",
    (name) => {
      const statements = codeOf(`plugins/${name}/main.ts`)
        .replaceAll(/^import .*;$/gm, "")
        .trim();
      // A verb is read when it is called: `add` alone would load them all.
      const verb =
        /\b(add|check|del|gc|status|reapply|withdraw|undo): (\((?:request|request, result|request, host)?\)) => (?:\1|del)\2/g;
      const rest = statements.replaceAll(verb, "").replace("configuration: () => configuration(),", "");
      expect(rest).toMatch(/^export const plugin: Plugin(<Host>)? = \{[^(){}]*\};$/);
      expect(rest).not.toMatch(/\b(add|check|del|gc|status|reapply|withdraw|undo)\b/);
      expect(read(`plugins/${name}/main.ts`)).toContain(`name: "${name}"`);
      const configs = SHIPPED.filter((file) => file === `plugins/${name}/config.ts`);
      for (const config of configs) expect(importsOf(config)).toContain(`plugins/${name}/schema.ts`);
      for (const config of configs) expect(importsOf(config.replace("config", "schema"))).toContain("zod/mini");
    },
  );
});
