import { MAX_DEPTH } from "./json-depth.ts";

/** The kind of token that the document allows next. */
type Expectation = "value" | "firstElement" | "firstKey" | "key" | "colon" | "afterValue";

/** The state of the scan: the open brackets, and what may follow. */
interface State {
  readonly open: string[];
  expected: Expectation;
}

/** A syntax error of a JSON text. */
export interface SyntaxFlaw {
  /** The words of Go's encoding/json. */
  readonly message: string;
  /** The index of the character that is wrong, or the text's length if the text ends too early. */
  readonly offset: number;
}

/** The position after the text that was read, or what is wrong. */
type Step = number | SyntaxFlaw;

/** The limit of values, names and commas to scan. No real configuration reaches it, and it bounds the time to two seconds. */
const MOST_STEPS = 500_000;

/**
 * Finds the syntax error of a JSON text and describes it in the words of Go's encoding/json, which users know from their logs. The
 * messages of JavaScript engines differ from each other. Undefined if the text is valid, or valid up to MOST_STEPS.
 */
export function findSyntaxError(text: string): SyntaxFlaw | undefined {
  const state: State = { open: [], expected: "value" };
  let at = skipSpace(text, 0);
  for (let steps = 0; at < text.length; steps++) {
    if (steps === MOST_STEPS) return undefined;
    const step = READERS[state.expected](text, at, state);
    if (typeof step !== "number") return step;
    at = skipSpace(text, step);
  }
  return state.expected === "afterValue" && state.open.length === 0 ? undefined : endOf(text);
}

const READERS: Readonly<Record<Expectation, (text: string, at: number, state: State) => Step>> = {
  value: readValue,
  firstElement: (text, at, state) => (text[at] === "]" ? close(at, state) : readValue(text, at, state)),
  firstKey: (text, at, state) => (text[at] === "}" ? close(at, state) : readKey(text, at, state)),
  key: readKey,
  colon: readColon,
  afterValue: readAfterValue,
};

function readValue(text: string, at: number, state: State): Step {
  const character = text.charAt(at);
  if (character !== "{" && character !== "[") {
    state.expected = "afterValue";
    return readScalar(text, at);
  }
  state.open.push(character);
  state.expected = character === "{" ? "firstKey" : "firstElement";
  return state.open.length > MAX_DEPTH ? unexpected(text, at, "exceeded max depth") : at + 1;
}

function close(at: number, state: State): number {
  state.open.pop();
  state.expected = "afterValue";
  return at + 1;
}

function readKey(text: string, at: number, state: State): Step {
  if (text[at] !== '"') return unexpected(text, at, "looking for beginning of object key string");
  state.expected = "colon";
  return readString(text, at);
}

function readColon(text: string, at: number, state: State): Step {
  if (text[at] !== ":") return unexpected(text, at, "after object key");
  state.expected = "value";
  return at + 1;
}

function readAfterValue(text: string, at: number, state: State): Step {
  const container = state.open.at(-1);
  if (container === undefined) return unexpected(text, at, "after top-level value");
  if (text[at] === (container === "{" ? "}" : "]")) return close(at, state);
  if (text[at] !== ",") {
    return unexpected(text, at, container === "{" ? "after object key:value pair" : "after array element");
  }
  state.expected = container === "{" ? "key" : "value";
  return at + 1;
}

function readScalar(text: string, at: number): Step {
  const character = text.charAt(at);
  if (character === '"') return readString(text, at);
  if (character === "-" || (character >= "0" && character <= "9")) return readNumber(text, at);
  const literal = ["true", "false", "null"].find((word) => word.startsWith(character));
  if (literal === undefined) return unexpected(text, at, "looking for beginning of value");
  for (let offset = 1; offset < literal.length; offset++) {
    if (text[at + offset] === literal[offset]) continue;
    return unexpected(text, at + offset, `in literal ${literal} (expecting '${literal[offset]}')`);
  }
  return at + literal.length;
}

/** A constant, because it reads every number of a long array. */
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;

function readNumber(text: string, at: number): Step {
  NUMBER.lastIndex = at;
  const match = NUMBER.exec(text);
  if (match === null) return unexpected(text, at + 1, "in numeric literal");
  const [{ length }, fraction, exponent] = match;
  const end = at + length;
  const next = text.charAt(end);
  if (next === "." && fraction === undefined && exponent === undefined) {
    return unexpected(text, end + 1, "after decimal point in numeric literal");
  }
  if ((next === "e" || next === "E") && exponent === undefined) {
    const digits = /[+-]/.test(text.charAt(end + 1)) ? end + 2 : end + 1;
    return unexpected(text, digits, "in exponent of numeric literal");
  }
  return end;
}

function readString(text: string, from: number): Step {
  // One search: a step for each character would take seconds for megabytes.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no string may hold them
  const special = /["\\\0-\x1f]/g;
  special.lastIndex = from + 1;
  for (let found = special.exec(text); found !== null; found = special.exec(text)) {
    if (found[0] === '"') return special.lastIndex;
    if (found[0] !== "\\") return unexpected(text, found.index, "in string literal");
    const step = readEscape(text, special.lastIndex);
    if (typeof step !== "number") return step;
    special.lastIndex = step;
  }
  return endOf(text);
}

function readEscape(text: string, at: number): Step {
  if (text[at] !== "u") {
    return '"\\/bfnrt'.includes(text.charAt(at)) ? at + 1 : unexpected(text, at, "in string escape code");
  }
  const digits = /^[0-9a-fA-F]*/.exec(text.slice(at + 1, at + 5))?.[0].length ?? 0;
  return digits === 4 ? at + 5 : unexpected(text, at + 1 + digits, "in \\u hexadecimal character escape");
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && " \t\n\r".includes(text.charAt(at))) at++;
  return at;
}

function unexpected(text: string, offset: number, context: string): SyntaxFlaw {
  const point = text.codePointAt(offset);
  if (point === undefined) return endOf(text);
  return { message: `invalid character ${quote(String.fromCodePoint(point))} ${context}`, offset };
}

function endOf(text: string): SyntaxFlaw {
  return { message: "unexpected end of JSON input", offset: text.length };
}

function quote(character: string): string {
  if (character === "'") return "'\\''";
  return character === '"' ? `'"'` : `'${JSON.stringify(character).slice(1, -1)}'`;
}
