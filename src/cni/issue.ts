import type * as z from "zod/v4/core";
import { Decimal } from "./json.ts";

/** Names of zod's types in messages. No key of a configuration takes a fraction. */
const KINDS: Readonly<Record<string, string>> = {
  string: "a string",
  number: "an integer",
  int: "an integer",
  boolean: "a boolean",
  array: "a list",
  object: "an object",
  record: "an object",
};

/** The longest value that a message quotes in full. */
const LONGEST = 100;

/** Describes an invalid value: "Cannot use <key> <value>: must be <requirement>". `whole` names the value itself. */
export function describeIssue(issue: z.$ZodIssue | undefined, whole: string): string {
  const key = formatPath(issue?.path ?? []) || whole;
  const requirement = issue === undefined ? "valid" : requirementOf(issue);
  if (issue?.input === undefined) return `Cannot find ${key}: must be ${requirement}`;
  return `Cannot use ${key} ${formatValue(issue.input)}: must be ${requirement}`;
}

/** The JSON of a value for a message, cut if it is long. */
export function formatValue(value: unknown): string {
  const text = value instanceof Decimal ? value.text : formatText(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function formatText(value: unknown): string {
  // An integer of more than 308 digits, which JSON cannot express.
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    // Nested too deep for the engine's stack.
    return Array.isArray(value) ? "[…]" : "{…}";
  }
}

/** A path as in "ipam.ranges[0][1].subnet". */
export function formatPath(path: readonly PropertyKey[]): string {
  const text = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`)).join("");
  return text.replace(/^\./, "");
}

function requirementOf(issue: z.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_value":
      return issue.values.length === 1 ? quote(issue.values[0]) : `one of ${issue.values.map(quote).join(", ")}`;
    case "invalid_union":
      return isDefault(issue) ? [...new Set(issue.errors.flat().map(requirementOf))].join(" or ") : issue.message;
    case "invalid_type":
      return isDefault(issue) ? (KINDS[issue.expected] ?? issue.expected) : issue.message;
    default:
      return issue.message;
  }
}

/** Without a locale, zod gives every issue this text. Any other text is a requirement of the schema. */
function isDefault(issue: z.$ZodIssue): boolean {
  return issue.message === "Invalid input";
}

function quote(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
