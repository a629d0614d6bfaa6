/** The deepest nesting of arrays and objects that Go's encoding/json reads. */
export const MAX_DEPTH = 10_000;

/** What the document allows next. */
type Expectation = "value" | "firstElement" | "firstKey" | "key" | "colon" | "afterValue";

/** A position in the text, or the message of what is wrong. */
type Step = number | string;

const END = "unexpected end of JSON input";

/**
 * Finds what is wrong with a JSON text and says it in the words of Go's encoding/json, which runtimes and their users
 * know from their logs; undefined where the text is well-formed. The engines' own messages differ from each other.
 */
export function findSyntaxError(text: string): string | undefined {
  const open: string[] = [];
  let expected: Expectation = "value";
  let at = skipSpace(text, 0);
  while (at < text.length) {
    const character = text.charAt(at);
    let step: Step = at + 1;
    if (expected === "afterValue") {
      const next = afterValue(character, open);
      if (next === undefined) return unexpected(text, at, AFTER[open.at(-1) ?? ""] ?? "");
      expected = next;
    } else if (expected === "colon") {
      if (character !== ":") return unexpected(text, at, "after object key");
      expected = "value";
    } else if (character === "]" && expected === "firstElement") {
      open.pop();
      expected = "afterValue";
    } else if (expected === "firstKey" || expected === "key") {
      if (character === "}" && expected === "firstKey") {
        open.pop();
        expected = "afterValue";
      } else {
        if (character !== '"') return unexpected(text, at, "looking for beginning of object key string");
        step = skipString(text, at);
        expected = "colon";
      }
    } else if (character === "{" || character === "[") {
      open.push(character);
      if (open.length > MAX_DEPTH) return unexpected(text, at, "exceeded max depth");
      expected = character === "{" ? "firstKey" : "firstElement";
    } else {
      step = skipScalar(text, at);
      expected = "afterValue";
    }
    if (typeof step === "string") return step;
    at = skipSpace(text, step);
  }
  return expected === "afterValue" && open.length === 0 ? undefined : END;
}

const AFTER: Readonly<Record<string, string>> = {
  "": "after top-level value",
  "{": "after object key:value pair",
  "[": "after array element",
};

function afterValue(character: string, open: string[]): Expectation | undefined {
  const container = open.at(-1);
  if (container !== undefined && character === ",") return container === "{" ? "key" : "value";
  if ((container === "{" && character === "}") || (container === "[" && character === "]")) {
    open.pop();
    return "afterValue";
  }
  return undefined;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && " \t\n\r".includes(text.charAt(at))) at++;
  return at;
}

function skipScalar(text: string, from: number): Step {
  const character = text.charAt(from);
  if (character === '"') return skipString(text, from);
  if (/[-0-9]/.test(character)) return skipNumber(text, from);
  const literal = ["true", "false", "null"].find((word) => word.startsWith(character));
  if (literal === undefined) return unexpected(text, from, "looking for beginning of value");
  for (let offset = 1; offset < literal.length; offset++) {
    if (text[from + offset] === literal[offset]) continue;
    return unexpected(text, from + offset, `in literal ${literal} (expecting '${literal[offset]}')`);
  }
  return from + literal.length;
}

function skipNumber(text: string, from: number): Step {
  const number = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
  number.lastIndex = from;
  const match = number.exec(text);
  if (match === null) return unexpected(text, from + 1, "in numeric literal");
  const end = from + match[0].length;
  const next = text[end];
  if (next === "." && match[1] === undefined && match[2] === undefined) {
    return unexpected(text, end + 1, "after decimal point in numeric literal");
  }
  if ((next === "e" || next === "E") && match[2] === undefined) {
    const sign = text[end + 1] === "+" || text[end + 1] === "-" ? 1 : 0;
    return unexpected(text, end + 1 + sign, "in exponent of numeric literal");
  }
  return end;
}

function skipString(text: string, from: number): Step {
  for (let at = from + 1; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"') return at + 1;
    if (character < " ") return unexpected(text, at, "in string literal");
    if (character !== "\\") continue;
    at++;
    if (text[at] === "u") {
      const digits = /^[0-9a-fA-F]*/.exec(text.slice(at + 1, at + 5))?.[0].length ?? 0;
      if (digits < 4) return unexpected(text, at + 1 + digits, "in \\u hexadecimal character escape");
      at += 4;
    } else if (at < text.length && !'"\\/bfnrt'.includes(text.charAt(at))) {
      return unexpected(text, at, "in string escape code");
    }
  }
  return END;
}

function unexpected(text: string, at: number, context: string): string {
  const point = text.codePointAt(at);
  if (point === undefined) return END;
  const character = String.fromCodePoint(point);
  const quoted = character === "'" ? "\\'" : character === '"' ? '"' : JSON.stringify(character).slice(1, -1);
  return `invalid character '${quoted}' ${context}`;
}
