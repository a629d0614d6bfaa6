import type * as z from "zod/v4/core";
import { isBuiltIn } from "./keys.ts";
import { knownKeys } from "./unknown-key.ts";

/** The compiler does not support a schema of this kind. */
export class UnsupportedSchemaError extends Error {}

/** The functions of scalars.ts by name. */
export type Readers = Readonly<Record<string, unknown>>;

type Def = z.$ZodTypes["_zod"]["def"];

/** Makes the statement that stores a parsed value. */
type Put = (value: string) => string;

/** A member of an object, with source text for the values that replace an absent or invalid one. */
interface Member {
  readonly def: Def;
  /** Undefined if the member is required, "undefined" if it may be left out. */
  readonly absent?: string;
  /** Undefined if zod handles an invalid value. */
  readonly wrong?: string;
}

/**
 * The source of a function that parses a JSON value like parseBySchema but without zod. It accepts only a value that fits the schema
 * exactly, with keys in the schema's spelling and the named types. For any other value, valid or not, it returns undefined. It calls
 * `readers` by name, and its second argument, a NoteUnknown, if there is one. @throws UnsupportedSchemaError
 */
export function compileSchema(schema: z.$ZodType, readers: Readers): string {
  let count = 0;
  const variable = (letter: string) => `${letter}${++count}`;

  function parse(def: Def, value: string, put: Put, place = ""): string {
    const test = testOf(def, value);
    if (test !== undefined) return `if(!(${test}))return;${put(value)}`;
    switch (def.type) {
      case "object":
        return parseObject(def, value, put, place);
      case "array":
        return parseArray(def, value, put, place);
      case "record":
        return parseRecord(def, value, put);
      case "pipe":
        return parseText(def, value, put);
      default:
        return refuse(def);
    }
  }

  function parseObject(def: z.$ZodObjectDef, value: string, put: Put, place: string): string {
    if (def.catchall !== undefined || def.checks !== undefined) refuse(def);
    const object = variable("object");
    const keys = Object.keys(def.shape);
    const known = knownKeys(keys, place);
    const members = Object.entries(def.shape).map(([key, member]) => {
      const text = JSON.stringify(key);
      return parseMember(
        memberOf(definitionOf(member)),
        `${value}[${text}]`,
        (parsed) => `${object}[${text}]=${parsed};`,
        place === "" ? key : `${place}.${key}`,
      );
    });
    return [
      `if(${value}?.constructor!==Object)return;`,
      `for(const key in ${value})switch(key){${cases(known)}break;`,
      `default:switch(key.toLowerCase()){${cases(keys.map((key) => key.toLowerCase()))}return}`,
      `unknown?.(key,${JSON.stringify(place)},()=>${JSON.stringify(known)})}`,
      `const ${object}={};`,
      ...members,
      put(object),
    ].join("");
  }

  function parseMember({ def, absent, wrong }: Member, source: string, put: Put, place: string): string {
    const value = variable("value");
    const there =
      wrong === undefined
        ? parse(def, value, put, place)
        : put(`${testOf(def, value) ?? refuse(def)}?${value}:${wrong}`);
    const otherwise = absent === undefined ? "return;" : absent === "undefined" ? "" : put(absent);
    return `const ${value}=${source};if(${value}===undefined||${value}===null){${otherwise}}else{${there}}`;
  }

  function parseArray(def: z.$ZodArrayDef, value: string, put: Put, place: string): string {
    if (def.checks !== undefined) refuse(def);
    const [list, element] = [variable("list"), variable("element")];
    const each = parse(definitionOf(def.element), element, (parsed) => `${list}.push(${parsed});`, `${place}[]`);
    return `if(!Array.isArray(${value}))return;const ${list}=[];for(const ${element} of ${value}){${each}}${put(list)}`;
  }

  function parseRecord(def: z.$ZodRecordDef, value: string, put: Put): string {
    const keys = definitionOf(def.keyType);
    if (def.checks !== undefined || keys.type !== "string" || keys.checks !== undefined) refuse(def);
    const [record, key, member] = [variable("record"), variable("key"), variable("member")];
    const each = parse(definitionOf(def.valueType), member, (parsed) => `${record}[${key}]=${parsed};`);
    return [
      `if(${value}?.constructor!==Object)return;const ${record}={};`,
      // An assignment to this key would set the prototype.
      `for(const ${key} in ${value}){if(${key}==="__proto__")return;const ${member}=${value}[${key}];${each}}`,
      put(record),
    ].join("");
  }

  function parseText(def: z.$ZodPipeDef, value: string, put: Put): string {
    const read = variable("read");
    const call = `const ${read}=${readerOf(def, readers)}(${value});if(${read}===null)return;`;
    return `if(typeof ${value}!=="string")return;${call}${put(read)}`;
  }

  return `(json,unknown)=>{${parse(definitionOf(schema), "json", (parsed) => `return ${parsed};`)}}`;
}

/** How an optional schema, one with a default or one that catches errors treats an absent value. */
function memberOf(def: Def): Member {
  switch (def.type) {
    case "optional":
      return { ...memberOf(definitionOf(def.innerType)), absent: "undefined" };
    case "default":
      return { ...memberOf(definitionOf(def.innerType)), absent: JSON.stringify(def.defaultValue) };
    case "catch":
      return { ...memberOf(definitionOf(def.innerType)), wrong: JSON.stringify(constantOf(def)) };
    default:
      return { def };
  }
}

/** The expression that tests whether a value can be taken as it is; undefined if the schema transforms the value. */
function testOf(def: Def, value: string): string | undefined {
  switch (def.type) {
    case "string":
    case "boolean":
      return def.checks === undefined && !("format" in def) ? `typeof ${value}==="${def.type}"` : refuse(def);
    case "number":
      return testOfInteger(def, value);
    case "literal":
      return def.values.map((each) => `${value}===${JSON.stringify(each)}`).join("||");
    case "union":
      return def.options.map((option) => `(${testOf(definitionOf(option), value) ?? refuse(def)})`).join("||");
    default:
      return undefined;
  }
}

function testOfInteger(def: z.$ZodNumberDef, value: string): string {
  if (!("format" in def && def.format === "safeint")) refuse(def);
  const bounds = (def.checks ?? []).map((check) => boundOf(check._zod.def) ?? refuse(def));
  return [`Number.isSafeInteger(${value})`, ...bounds.map((bound) => `${value}${bound}`)].join("&&");
}

function boundOf(check: z.$ZodCheckDef | z.$ZodCheckGreaterThanDef | z.$ZodCheckLessThanDef): string | undefined {
  if (!("inclusive" in check && check.inclusive)) return undefined;
  return `${check.check === "greater_than" ? ">=" : "<="}${check.value}`;
}

/** The name of the reader function of a text, which must be one of `readers`. */
function readerOf(def: z.$ZodPipeDef, readers: Readers): string {
  const [from, to] = [definitionOf(def.in), definitionOf(def.out)];
  const read: unknown = to.type === "transform" && "read" in to.transform ? to.transform.read : undefined;
  const name = Object.keys(readers).find((each) => readers[each] === read);
  return from.type === "string" && from.checks === undefined && name !== undefined ? name : refuse(def);
}

function constantOf(def: z.$ZodCatchDef): unknown {
  const { catchValue } = def;
  return "~constantCatch" in catchValue
    ? catchValue({ error: { issues: [] }, input: undefined, issues: [], value: undefined })
    : refuse(def);
}

function cases(keys: readonly string[]): string {
  return keys.map((key) => `case ${JSON.stringify(key)}:`).join("");
}

function definitionOf(schema: z.$ZodType): Def {
  if (!isBuiltIn(schema)) throw new UnsupportedSchemaError("Cannot compile a schema that zod did not make");
  return schema._zod.def;
}

function refuse(def: Def): never {
  throw new UnsupportedSchemaError(`Cannot compile a schema of type "${def.type}"`);
}
