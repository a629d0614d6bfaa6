import type { Expression } from "./expression.ts";

/** Fields that only the sender of a rule has, or only a newer kernel. */
const LEFT_OUT = ["setId", "unknown"];

/**
 * A rule's expressions as text. Two rules do the same exactly where their texts are equal: a field that is 0 is left out, for
 * kernels differ in whether they send it.
 */
export function formatExpressions(expressions: readonly Expression[]): string {
  return expressions.map(formatExpression).join(", ");
}

function formatExpression(expression: Expression): string {
  if (expression.name === "other") return `${expression.kind} ${formatValue(expression.bytes)}`.trimEnd();
  return `${expression.name} ${formatFields(expression.data)}`.trimEnd();
}

function formatFields(fields: object): string {
  return Object.entries(fields)
    .filter(([name, value]) => !LEFT_OUT.includes(name) && value !== undefined && value !== 0)
    .map(([name, value]) => `${name}=${formatValue(value)}`)
    .sort()
    .join(" ");
}

function formatValue(value: unknown): string {
  if (value instanceof Uint8Array) return [...value].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (typeof value === "object" && value !== null) return `(${formatFields(value)})`;
  return String(value);
}
