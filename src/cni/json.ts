import { MAX_DEPTH } from "./json-depth.ts";
import { findSyntaxError, type SyntaxFlaw } from "./json-syntax.ts";

/** A number written with a fraction or an exponent. Go refuses it where an integer is required, even "1500.0". */
export class Decimal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The numeric value, for JSON.stringify. */
  toJSON(): number {
    return Number(this.text);
  }
}

const HINTS: readonly (readonly [flaw: RegExp, hint: string])[] = [
  [/^invalid character '["{[]' after (object key:value pair|array element)$/, "a comma may be missing before it"],
  [
    /^invalid character ('}' looking for beginning of object key string|']' looking for beginning of value)$/,
    "the comma before it may be one too many",
  ],
  [/^invalid character ',' looking for/, "it may be one too many"],
  [/^invalid character '[/#]' looking for/, 'JSON has no comments; a key that begins with "_" may hold one'],
  [/^invalid character '(\\''|[“”„‘’«»])/, 'JSON takes only " as quotation mark'],
  [/^invalid character '(\uFEFF|\uFFFD|\\u0000)/, "save the file as UTF-8 without byte order mark"],
];

/** A text is not JSON. The message is Go's. */
export class JsonSyntaxError extends SyntaxError {
  /** The position of the character that is wrong, both from 1. The column counts UTF-16 units. */
  readonly line: number;
  readonly column: number;
  /** What was probably meant, if that is known. */
  readonly hint: string | undefined;

  constructor(text: string, { message, offset }: SyntaxFlaw) {
    super(message);
    this.hint = HINTS.find(([flaw]) => flaw.test(message))?.[1];
    const before = text.slice(0, offset);
    this.line = before.split("\n").length;
    this.column = offset - before.lastIndexOf("\n");
  }
}

/**
 * Reads one JSON document like Go: bytes that are not UTF-8 become U+FFFD, nesting is limited to 10,000 levels, a byte order mark is
 * an error, and numbers not written as integers become Decimal. @throws JsonSyntaxError, or the engine's SyntaxError if finding the
 * error would take seconds
 */
export function parseJson(bytes: Uint8Array): unknown {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  if (mayBeTooDeep(text)) refuse(text);
  try {
    return mayHoldDecimal(text) ? parseWithDecimals(text) : JSON.parse(text);
  } catch (error) {
    refuse(text);
    throw error;
  }
}

/** JSON text as Go prints it, indented by four spaces by default. <, >, & and the line separators are escaped. No line end. */
export function formatJson(value: unknown, indent = 4): string {
  return JSON.stringify(value, null, indent).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Whether the value is a JSON object, not null, an array or a number. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Decimal);
}

/** The kind of the value as JSON names it. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return value instanceof Decimal ? "number" : typeof value;
}

/** The member of that name in any case. Null counts as absent; of several, the last one counts, as in Go. */
export function findMember(object: Readonly<Record<string, unknown>>, name: string): unknown {
  let found: unknown;
  const lower = name.toLowerCase();
  for (const [key, value] of Object.entries(object)) {
    if (value !== null && key.toLowerCase() === lower) found = value;
  }
  return found;
}

function refuse(text: string): void {
  const flaw = findSyntaxError(text);
  if (flaw !== undefined) throw new JsonSyntaxError(text, flaw);
}

function mayBeTooDeep(text: string): boolean {
  return text.length > MAX_DEPTH && text.split("[").length + text.split("{").length > MAX_DEPTH;
}

function mayHoldDecimal(text: string): boolean {
  return /[[:,\s]-?[0-9]+(?:\.[0-9]|[eE])/.test(text);
}

/**
 * Puts decimals into strings that start with a mark. A reviver that reads the number's text is not used: with some texts it corrupts
 * memory in V8 (Node.js 26.10).
 */
function parseWithDecimals(text: string): unknown {
  const plain: unknown = JSON.parse(text);
  const mark = `${Math.random()}:`;
  const marked = text.replace(TOKENS, (token) => (isDecimal(token) ? `"${mark}${token}"` : token));
  try {
    return restore(JSON.parse(marked), mark);
  } catch (error) {
    // Unlike the parser, the walk is recursive, and thousands of levels overflow the stack.
    if (error instanceof RangeError) return plain;
    throw error;
  }
}

/** The value with each marked string replaced by a Decimal. */
function restore(value: unknown, mark: string): unknown {
  if (typeof value === "string") return value.startsWith(mark) ? new Decimal(value.slice(mark.length)) : value;
  if (typeof value !== "object" || value === null) return value;
  for (const [key, member] of Object.entries(value)) {
    const restored = restore(member, mark);
    // An assignment to a member named __proto__ would set the prototype.
    if (restored !== member)
      Object.defineProperty(value, key, { value: restored, writable: true, enumerable: true, configurable: true });
  }
  return value;
}

/** The strings and numbers of a valid JSON text. */
const TOKENS = /"(?:[^"\\]+|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/g;

function isDecimal(token: string): boolean {
  return !token.startsWith('"') && /[.eE]/.test(token);
}
