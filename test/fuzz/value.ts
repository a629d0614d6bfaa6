import fs from "node:fs";
import path from "node:path";
import type * as core from "zod/v4/core";
import * as protocol from "../../src/cni/schema.ts";
import { type Json, type JsonObject, PLUGINS } from "./networks.ts";
import type { Random } from "./random.ts";
import { NUMBERS, WORDS } from "./words.ts";

/** Stands for that many brackets, until the document is text: not every tool that handles documents survives them. */
const NESTED = "<nested> ";

/** The document as text, as a caller sends it. */
export function formatDocument(document: Json): string {
  return JSON.stringify(document).replace(
    /"<nested> (\d+)"/g,
    (_, depth) => "[".repeat(Number(depth)) + "]".repeat(Number(depth)),
  );
}

/** A key in use, and what belongs to it. */
export interface Member {
  readonly key: string;
  readonly schema: core.$ZodTypes;
}

const ALL: Member[] = [];

/** Keys of every schema of the plugins and of the protocol, at any depth. */
export const MEMBERS: readonly Member[] = ALL;

/** What each plugin's configuration has at its top. */
export const OWN_MEMBERS: ReadonlyMap<string, readonly Member[]> = new Map(
  await Promise.all(
    PLUGINS.map(async (name) => [name, await collectMembers(`../../plugins/${name}/schema.ts`)] as const),
  ),
);

/** Any JSON, mostly short. */
export function anyValue(random: Random, depth = 0): Json {
  switch (random.below(depth > 2 ? 6 : 10)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
    case 3:
      return random.pick(NUMBERS);
    case 4:
    case 5:
      return word(random);
    case 6:
      return random.chance(0.05) ? `${NESTED}${random.pick([100, 5000, 9990, 12_000])}` : [];
    case 7:
      return {};
    case 8:
      return Array.from({ length: random.below(4) }, () => anyValue(random, depth + 1));
    default:
      return anyMembers(random, depth);
  }
}

/** A value as the schema wants it, more or less. */
export function valueFor(random: Random, { _zod: { def } }: core.$ZodTypes): Json {
  if (random.chance(0.05)) return anyValue(random);
  switch (def.type) {
    case "object":
      return membersOf(random, def);
    case "array":
      return Array.from({ length: random.below(4) }, () => valueFor(random, def.element as core.$ZodTypes));
    case "optional":
    case "default":
    case "catch":
      return valueFor(random, def.innerType as core.$ZodTypes);
    case "union":
      return valueFor(random, random.pick(def.options) as core.$ZodTypes);
    case "literal":
      return String(def.values[0]);
    case "boolean":
      return random.chance(0.6);
    case "number":
      return random.pick(NUMBERS);
    default:
      return word(random);
  }
}

export function word(random: Random): string {
  const text = random.chance(0.1) ? random.pick(PLUGINS) : random.pick(WORDS);
  return random.chance(0.05) ? text + random.pick(WORDS) : text;
}

function membersOf(random: Random, { shape }: core.$ZodObjectDef): JsonObject {
  const wanted = Object.entries(shape).filter(() => random.chance(0.5));
  return Object.fromEntries(wanted.map(([key, schema]) => [key, valueFor(random, schema as core.$ZodTypes)]));
}

function anyMembers(random: Random, depth: number): JsonObject {
  const names = Array.from({ length: random.below(4) }, () => random.pick(MEMBERS).key);
  return Object.fromEntries(names.map((name) => [name, anyValue(random, depth + 1)]));
}

/** Those of a file of schemas, if it is there: a plugin may need none of its own. */
async function collectMembers(file: string): Promise<readonly Member[]> {
  const isThere = fs.existsSync(path.join(import.meta.dirname, file));
  const schemas = Object.values({ ...protocol, ...(isThere ? await import(file) : {}) });
  return schemas.flatMap((schema) => {
    const found: Member[] = [];
    if (typeof schema !== "function") return [];
    collect(schema(), found);
    ALL.push(...found);
    return membersAt(schema());
  });
}

function membersAt({ _zod: { def } }: core.$ZodTypes): readonly Member[] {
  if (def.type !== "object") return [];
  return Object.entries(def.shape).map(([key, schema]) => ({ key, schema: schema as core.$ZodTypes }));
}

function collect({ _zod: { def } }: core.$ZodTypes, found: Member[]): void {
  const inner = (schema: unknown) => collect(schema as core.$ZodTypes, found);
  if (def.type === "object") {
    found.push(...membersAt({ _zod: { def } } as core.$ZodTypes));
    for (const schema of Object.values(def.shape)) inner(schema);
  } else if (def.type === "array") inner(def.element);
  else if (def.type === "optional" || def.type === "default" || def.type === "catch") inner(def.innerType);
  else if (def.type === "union") for (const option of def.options) inner(option);
}
