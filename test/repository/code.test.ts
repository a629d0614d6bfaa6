import path from "node:path";
import { describe, expect, it } from "vitest";
import { codeOf, importsOf, PLUGINS, read, SHIPPED } from "./tree.ts";

/** Files that speak to Node's process. */
const PROCESS = ["src/platform/digest-node.ts", "src/platform/ffi-node.ts", "src/platform/process-node.ts"];

/** Where FFI's and TypeScript's own types say less than the code knows. */
const CASTS = ["src/linux/errno.ts", "src/netlink/fields.ts", "src/platform/ffi-native.ts", "src/platform/ffi-node.ts"];

/** What Node's own `process` has; a parameter may have the same name. */
const OF_PROCESS =
  /\bprocess\.(arch|argv0?|chdir|cwd|dlopen|emitWarning|env|execPath|exit|exitCode|getBuiltinModule|getuid|hrtime|kill|nextTick|on|once|p?pid|platform|std(in|out|err)|umask|versions?)\b/;

const DRAWERS = /^(utils?|helpers?|common|constants?|types|misc|shared|index)\.ts$/;

function matching(pattern: RegExp, files = SHIPPED): string[] {
  return files.filter((file) => pattern.test(codeOf(file)));
}

describe("shipped code", () => {
  it("touches process in the files that are made for it", () => {
    expect(matching(OF_PROCESS).filter((file) => !PROCESS.includes(file))).toEqual([]);
  });

  it("starts no process by Node's module, which costs milliseconds", () => {
    expect(SHIPPED.filter((file) => importsOf(file).includes("node:child_process"))).toEqual([]);
  });

  it("writes nothing by process.stdout or console", () => {
    expect(matching(/\bprocess\.(stdout|stderr|stdin)\b|\bconsole\./)).toEqual([]);
  });

  it("sleeps by pause(), and waits for a descriptor by poll()", () => {
    const waits = /\bAtomics\b|\bfunctions\.(poll|\w*sleep|select|ppoll)\b/;
    expect(matching(waits)).toEqual(["src/linux/poll.ts", "src/platform/pause.ts"]);
  });

  it("speaks to the engine's C side in src/platform alone", () => {
    expect(matching(/\bnative\.\w/).filter((file) => !file.startsWith("src/platform/"))).toEqual([]);
  });

  it("is synchronous: a network namespace belongs to the thread only while it does not yield", () => {
    // There it is said that nothing is ever called later.
    const files = SHIPPED.filter((file) => file !== "src/platform/globals-native.ts");
    expect(matching(/\bawait\b|\basync\b|\bPromise\b|\bsetTimeout\b/, files)).toEqual([]);
  });

  it("keeps no state in a module", () => {
    expect(matching(/^(export )?(let|var) /m)).toEqual([]);
  });

  it("trusts what was parsed: no any, no cast but the listed", () => {
    expect(matching(/\bas any\b|: any\b|<any>/)).toEqual([]);
    const withoutImports = (file: string) => codeOf(file).replaceAll(/^(import|export)\b[^;"]*\bfrom "";$/gm, "");
    expect(SHIPPED.filter((file) => / as (?!const\b)/.test(withoutImports(file)))).toEqual(CASTS);
  });

  it("is in files of at most 200 lines", () => {
    const lengths = SHIPPED.map((file) => [file, read(file).split("\n").length - 1] as const);
    expect(lengths.filter(([, lines]) => lines > 200)).toEqual([]);
  });

  it("is in files that say what they are about", () => {
    expect(SHIPPED.filter((file) => DRAWERS.test(path.basename(file)))).toEqual([]);
  });

  it("re-exports nothing: a name is imported from where it is made", () => {
    expect(matching(/^export (\*|\{[^}]*\}|type \{[^}]*\}) from/m)).toEqual([]);
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
      const verb = /\b(add|check|del|gc|status|undo): (\((?:request|request, result)\)) => \1\2/g;
      expect(statements.replaceAll(verb, "")).toMatch(/^export const plugin: Plugin = \{[^(){}]*\};$/);
      expect(statements.replaceAll(verb, "")).not.toMatch(/\b(add|check|del|gc|status|undo)\b/);
      expect(read(`plugins/${name}/main.ts`)).toContain(`name: "${name}"`);
      const configs = SHIPPED.filter((file) => file === `plugins/${name}/config.ts`);
      for (const config of configs) expect(importsOf(config)).toContain(`plugins/${name}/schema.ts`);
      for (const config of configs) expect(importsOf(config.replace("config", "schema"))).toContain("zod/mini");
    },
  );
});
