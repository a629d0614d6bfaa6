import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { units } from "../vitest.config.ts";
import { CHOSEN } from "./layers.ts";
import { codeOf, loadsOf, pathOf, read, root, SHIPPED } from "./tree.ts";

/** Files that no unit test loads, as globs, and why. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "src/{image,cnictl}/main.ts": "they end their process: each live test starts it",
  "src/image/node.ts": "it calls image/main.ts",
  "src/platform/{digest,ffi,fs,globals,path,process}-native.ts": "the native image alone has them: test/platform",
  "src/platform/{c-call,file-trees,statx}.ts": "the native image alone has them: test/platform",
};

/** What tests start, or load by paths that they compute. A test that loads every plugin for its description tests no verb. */
const COMPUTED = fs.globSync(["test/plugins/*/verb-case.ts", "test/cni/fixtures/*.ts"], { cwd: root });

/** The modules that a test replaces as a whole: it does not load them. */
function replacedBy(test: string): readonly string[] {
  const names = [...read(test).matchAll(/\bvi\.mock\("([^"\n]+)", (?:async )?\(\) =>/g)].map(([, name = ""]) => name);
  return names.map((name) => resolve(pathOf(test, name)));
}

/** The file that Node.js loads by a name of importsOf(). */
function resolve(name: string): string {
  return CHOSEN[name]?.find((file) => file.endsWith("-node.ts")) ?? name;
}

const loads = new Map<string, readonly string[]>();

/** The files that a file loads itself; none of a package. */
function filesLoadedBy(file: string): readonly string[] {
  const known = loads.get(file);
  if (known !== undefined) return known;
  const found = loadsOf(file)
    .map(resolve)
    .filter((name) => name.endsWith(".ts") && fs.existsSync(path.join(root, name)));
  loads.set(file, found);
  return found;
}

/** Adds to `reached` these files and what they load, except what is replaced. */
function reach(files: readonly string[], reached: Set<string>, replaced: readonly string[] = []): void {
  const left = [...files];
  for (let file = left.pop(); file !== undefined; file = left.pop()) {
    if (reached.has(file) || replaced.includes(file)) continue;
    reached.add(file);
    left.push(...filesLoadedBy(file));
  }
}

/** Every file that these tests load by imports that are written out. */
function reachedFrom(tests: readonly string[]): ReadonlySet<string> {
  const replacing = tests.filter((test) => replacedBy(test).length > 0);
  const together = new Set<string>();
  reach(
    tests.filter((test) => !replacing.includes(test)),
    together,
  );
  const each = replacing.map((test) => {
    const own = new Set<string>();
    reach([test], own, replacedBy(test));
    return own;
  });
  return new Set([together, ...each].flatMap((own) => [...own]));
}

/** Whether something of it is left when it runs: not of a file of types. */
function hasCode(file: string): boolean {
  return /^(?!import type\b|export (?:type|interface)\b|interface\b|type\b|declare\b)[a-z]/m.test(codeOf(file));
}

function isException(file: string): boolean {
  return Object.keys(EXCEPTIONS).some((glob) => path.matchesGlob(file, glob));
}

describe("the unit tests", () => {
  const reached = reachedFrom([...units, ...COMPUTED]);
  const missing = SHIPPED.filter((file) => hasCode(file) && !reached.has(file));

  it("load every file that is shipped, but a few", () => {
    expect(missing.filter((file) => !isException(file))).toEqual([]);
  });

  it("load none of the exceptions", () => {
    const superfluous = Object.keys(EXCEPTIONS).filter((glob) => !missing.some((file) => path.matchesGlob(file, glob)));
    expect(superfluous).toEqual([]);
  });
});

describe("the files that a test loads", () => {
  it.each([
    ["test/linux/append.test.ts", "src/linux/append.ts", "by an import"],
    ["test/linux/append.test.ts", "src/platform/fs-node.ts", "by an entry of package.json"],
    ["test/plugins/dhcp/gob.test.ts", "plugins/dhcp/gob.ts", "from another folder"],
    ["test/cnictl/inventory/marks.test.ts", "src/cnictl/kernel-modules.ts", "if it replaces a part of it"],
  ])("%s: %s, %s", (test, file) => {
    expect(reachedFrom([test])).toContain(file);
  });

  it.each([
    ["test/linux/append.test.ts", "src/platform/fs-native.ts", "which the native image has instead"],
    ["test/cnictl/inventory/attachments.test.ts", "plugins/portmap/published.ts", "of which it has types alone"],
    ["test/cnictl/inventory/marks.test.ts", "src/netfilter/iptables/legacy-table.ts", "which it replaces"],
  ])("%s: not %s, %s", (test, file) => {
    expect(reachedFrom([test])).not.toContain(file);
  });
});
