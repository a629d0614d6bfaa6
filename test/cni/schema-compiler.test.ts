import fs from "node:fs";
import path from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import type * as core from "zod/v4/core";
import { integer, parseBySchema, scalar } from "../../src/cni/fields.ts";
import { parseJson } from "../../src/cni/json.ts";
import * as readers from "../../src/cni/scalars.ts";
import { compileSchema, UnsupportedSchemaError } from "../../src/cni/schema-compiler.ts";

const root = path.join(import.meta.dirname, "../..");

/** Every function of every schema.ts in the tree: the build compiles them all. */
const SCHEMAS = (
  await Promise.all(
    fs.globSync(["src/cni/schema.ts", "plugins/*/schema.ts"], { cwd: root }).map(async (file) => {
      const functions: Record<string, () => z.ZodMiniType> = await import(path.join(root, file));
      return Object.entries(functions).map(([name, make]) => [`${name} of ${file}`, make] as const);
    }),
  )
).flat();

/** Texts of which every reader takes some. */
const TEXTS = [
  "",
  "x",
  "10.1.0.0/16",
  "10.1.0.1",
  "fd00::1",
  "fd00::/64",
  "::ffff:10.0.0.0/112",
  "0a:58:0a:01:00:02",
  "/run",
  "a\0",
  "auto",
];

const NUMBERS = [0, 1, -1, 80, 1500, 604_800, 604_801, 2 ** 53, 1.5];

/** The parser that the source is of. */
function compile(schema: core.$ZodType): (json: unknown) => unknown {
  return new Function(...Object.keys(readers), `return ${compileSchema(schema, readers)}`)(...Object.values(readers));
}

/** Values as the schema wants them, more or less; with `mistakes` also what it does not want, in other spellings and with other keys. */
function valuesOf(schema: core.$ZodType, mistakes: boolean): fc.Arbitrary<unknown> {
  const { def } = (schema as core.$ZodTypes)._zod;
  const wanted = (): fc.Arbitrary<unknown> => {
    switch (def.type) {
      case "object":
        return membersOf(def, mistakes);
      case "array":
        return fc.array(valuesOf(def.element, mistakes), { maxLength: 3 });
      case "record":
        return fc.dictionary(keys(mistakes), valuesOf(def.valueType, mistakes), { maxKeys: 3 });
      case "optional":
      case "default":
      case "catch":
        return valuesOf(def.innerType, mistakes);
      case "union":
        return fc.oneof(...def.options.map((option) => valuesOf(option, mistakes)));
      case "boolean":
        return fc.boolean();
      case "number":
        return fc.constantFrom(...NUMBERS);
      default:
        return fc.constantFrom(...TEXTS);
    }
  };
  return mistakes ? fc.oneof({ weight: 12, arbitrary: wanted() }, fc.jsonValue({ maxDepth: 2 })) : wanted();
}

/** Keys of a record; "__proto__" is left to zod. */
function keys(mistakes: boolean): fc.Arbitrary<string> {
  const names = fc.oneof(
    fc.string(),
    fc.constantFrom("toString", "net.core.somaxconn", ...(mistakes ? ["__proto__"] : [])),
  );
  return mistakes ? names : names.filter((name) => name !== "__proto__");
}

function membersOf({ shape }: core.$ZodObjectDef, mistakes: boolean): fc.Arbitrary<unknown> {
  const members = Object.entries(shape).map(([key, member]) => {
    const spelling = mistakes
      ? fc.oneof({ weight: 12, arbitrary: fc.constant(key) }, fc.constant(key.toUpperCase()))
      : fc.constant(key);
    return fc.option(fc.tuple(spelling, valuesOf(member, mistakes)), { freq: 2 });
  });
  const others = fc.dictionary(
    fc.oneof(fc.string(), fc.constantFrom("__proto__", "toString", ...(mistakes ? ["constructor"] : []))),
    fc.jsonValue({ maxDepth: 1 }),
    { maxKeys: 2 },
  );
  return fc
    .tuple(
      fc.shuffledSubarray(members, { minLength: members.length }).chain((all) => fc.tuple(...all)),
      others,
    )
    .map(([all, more]) => {
      return Object.fromEntries([...Object.entries(more), ...all.filter((each) => each !== null)]);
    });
}

/** As the value comes from standard input. */
function transmit(value: unknown): unknown {
  return parseJson(new TextEncoder().encode(JSON.stringify(value)));
}

function byZod(schema: z.ZodMiniType, json: unknown): unknown {
  try {
    return parseBySchema(schema, json, "the value");
  } catch {
    return undefined;
  }
}

describe.each(SCHEMAS)("the parser made of the schema %s", (_, make) => {
  const schema = make();
  const accept = compile(schema);

  test("makes of a value what zod does, or leaves it to zod", () => {
    fc.assert(
      fc.property(valuesOf(schema, true).map(transmit), (json) => {
        const accepted = accept(json);
        if (accepted !== undefined) expect(accepted).toEqual(byZod(schema, json));
      }),
    );
  });

  test("leaves no value to zod that is as the schema wants it", () => {
    fc.assert(
      fc.property(valuesOf(schema, false).map(transmit), (json) => {
        expect(accept(json)).toEqual(byZod(schema, json));
      }),
    );
  });

  test.each([null, undefined, "x", 1, true, [], [{}]])("leaves %j to zod", (json) => {
    expect(accept(json)).toBeUndefined();
  });
});

describe("compileSchema", () => {
  test("leaves other spellings of a key to zod, and takes null for absent", () => {
    const accept = compile(z.object({ mtu: z.optional(integer()), dataDir: z._default(z.string(), "/x") }));
    expect(accept({ mtu: 1, dataDir: null, other: 2 })).toEqual({ mtu: 1, dataDir: "/x" });
    expect(accept({ MTU: 1 })).toBeUndefined();
    expect(accept({ mtu: 1, DATADIR: null })).toBeUndefined();
  });

  test("makes each default anew", () => {
    const accept = compile(z.object({ list: z._default(z.array(z.string()), []) }));
    const [first, second] = [accept({}), accept({})];
    expect(first).toEqual({ list: [] });
    expect(Object(first).list).not.toBe(Object(second).list);
  });

  test.each([
    ["a value of any type", z.unknown()],
    ["a record whose keys are checked", z.record(z.string().check(z.minLength(1)), z.string())],
    ["a check of a text", z.string().check(z.minLength(1))],
    ["a check of a list", z.array(z.string()).check(z.minLength(1))],
    ["a number that may have a fraction", z.number()],
    ["a strict object", z.strictObject({})],
    ["a reader that is none of scalars.ts", scalar("a text", (text) => text)],
    ["a catch that looks at the error", z.catch(z.string(), ({ issues }) => `${issues.length}`)],
    ["a union of objects", z.union([z.object({}), z.string()])],
  ])("refuses %s", (_, schema) => {
    expect(() => compileSchema(z.object({ member: schema }), readers)).toThrow(UnsupportedSchemaError);
  });
});
