import { MAX_DEPTH } from "./json-depth.ts";
import { findSyntaxError } from "./json-syntax.ts";

/** A number written with a fraction or an exponent. Go refuses it where an integer is wanted, even "1500.0". */
export class Decimal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The number itself, for JSON.stringify. */
  toJSON(): number {
    return Number(this.text);
  }
}

/**
 * Reads one JSON document as Go does: bytes that are not UTF-8 become U+FFFD, nesting ends at 10,000 levels, a byte
 * order mark is no JSON, numbers that are not written as integers become Decimal.
 * @throws SyntaxError with Go's wording; where that would take seconds to find, with the engine's
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

/** Go's JSON text, indented by four spaces unless told: <, >, & and the line separators are escaped. No line end. */
export function formatJson(value: unknown, indent = 4): string {
  return JSON.stringify(value, null, indent).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Whether the value is a JSON object: neither null, an array nor a number. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Decimal);
}

/** The value's kind in JSON's own words. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return value instanceof Decimal ? "number" : typeof value;
}

/** The member of that name, case ignored, null as absent; of several the last one counts, as in Go. */
export function findMember(object: Readonly<Record<string, unknown>>, name: string): unknown {
  let found: unknown;
  const lower = name.toLowerCase();
  for (const [key, value] of Object.entries(object)) {
    if (value !== null && key.toLowerCase() === lower) found = value;
  }
  return found;
}

function refuse(text: string): void {
  const message = findSyntaxError(text);
  if (message !== undefined) throw new SyntaxError(message);
}

function mayBeTooDeep(text: string): boolean {
  return text.length > MAX_DEPTH && text.split("[").length + text.split("{").length > MAX_DEPTH;
}

function mayHoldDecimal(text: string): boolean {
  return /[[:,\s]-?[0-9]+(?:\.[0-9]|[eE])/.test(text);
}

/**
 * Decimals are put in strings that begin with a mark. Not by a reviver, which is told a number's text: with some texts V8 (Node.js 26.10) then
 * writes where it must not.
 */
function parseWithDecimals(text: string): unknown {
  const plain: unknown = JSON.parse(text);
  const mark = `${Math.random()}:`;
  const marked = text.replace(TOKENS, (token) => (isDecimal(token) ? `"${mark}${token}"` : token));
  try {
    return restore(JSON.parse(marked), mark);
  } catch (error) {
    // Unlike the parser, the walk is recursive: thousands of levels overflow the stack.
    if (error instanceof RangeError) return plain;
    throw error;
  }
}

/** The value with a Decimal for each string with the mark. */
function restore(value: unknown, mark: string): unknown {
  if (typeof value === "string") return value.startsWith(mark) ? new Decimal(value.slice(mark.length)) : value;
  if (typeof value !== "object" || value === null) return value;
  for (const [key, member] of Object.entries(value)) {
    const restored = restore(member, mark);
    // Not by assignment: a member may be called __proto__.
    if (restored !== member)
      Object.defineProperty(value, key, { value: restored, writable: true, enumerable: true, configurable: true });
  }
  return value;
}

/** Strings and numbers of a text that is JSON. */
const TOKENS = /"(?:[^"\\]+|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/g;

function isDecimal(token: string): boolean {
  return !token.startsWith('"') && /[.eE]/.test(token);
}
