import { expect, test } from "vitest";
import type { Expression } from "../../../src/netfilter/nftables/expression.ts";
import { formatExpressions, isSameRule } from "../../../src/netfilter/nftables/format.ts";
import { decodeRule } from "../../../src/netfilter/nftables/rule.ts";
import { MASQUERADE } from "../../../src/netfilter/nftables/statement.ts";
import { payloads } from "../captured.ts";

test("formatExpressions gives one text for the expressions that are sent and those that the kernel returns", () => {
  const sent = payloads("apply", "sent", "NEWRULE").map((bytes) =>
    formatExpressions(decodeRule(bytes).expressions ?? []),
  );
  const received = payloads("list", "received", "NEWRULE").map((bytes) => decodeRule(bytes).expressions ?? []);
  expect(received.map(formatExpressions)).toEqual(sent);
});

test("isSameRule says of any two rules what their texts say", () => {
  const messages = [...payloads("apply", "sent", "NEWRULE"), ...payloads("list", "received", "NEWRULE")];
  const rules = messages.map((bytes) => decodeRule(bytes).expressions ?? []);
  const pairs = rules.flatMap((rule) => rules.map((other) => [rule, other] as const));
  const texts = pairs.map(([a, b]) => formatExpressions(a) === formatExpressions(b));
  expect(pairs.map(([a, b]) => isSameRule(a, b))).toEqual(texts);
  expect(new Set(texts)).toEqual(new Set([true, false]));
});

const key = (data: Extract<Expression, { name: "meta" }>["data"]): readonly Expression[] => [{ name: "meta", data }];
const compare = (data: Extract<Expression, { name: "cmp" }>["data"]["data"]): readonly Expression[] => [
  { name: "cmp", data: { sreg: 1, data } },
];
const other = (kind: string, ...bytes: number[]): readonly Expression[] => [
  { name: "other", kind, bytes: Uint8Array.of(...bytes) },
];
const value = Uint8Array.of(10, 88);
const unknown = [{ type: 9, value, nested: false }];
const lookup: readonly Expression[] = [{ name: "lookup", data: { set: "sources4", sreg: 1 } }];
const inTransaction: readonly Expression[] = [{ name: "lookup", data: { set: "sources4", sreg: 1, setId: 1 } }];

test.each<[string, readonly Expression[], readonly Expression[], boolean]>([
  ["a field that only one has", key({ key: 15 }), key({ key: 15, dreg: 1 }), false],
  ["a field that is 0 in one", key({ key: 15 }), key({ key: 15, dreg: 0 }), true],
  ["a field that is undefined in one", key({ key: 15 }), key({ key: 15, dreg: undefined }), true],
  ["other numbers", key({ key: 15, dreg: 1 }), key({ key: 16, dreg: 1 }), false],
  ["attributes of a newer kernel", key({ key: 15 }), key({ key: 15, unknown }), true],
  ["a set's number in a transaction", lookup, inTransaction, true],
  ["another kind", key({ key: 1 }), [{ name: "ct", data: { key: 1 } }], false],
  ["other bytes", compare({ value }), compare({ value: Uint8Array.of(10, 89) }), false],
  ["more bytes", compare({ value }), compare({ value: Uint8Array.of(10, 88, 0) }), false],
  ["a verdict for bytes", compare({ value }), compare({ verdict: { code: 1 } }), false],
  ["no data", compare({ value }), compare(undefined), false],
  ["one more expression", [MASQUERADE], [MASQUERADE, MASQUERADE], false],
  ["other bytes of an unknown kind", other("counter", 1), other("counter", 2), false],
  ["another unknown kind", other("counter", 1), other("limit", 1), false],
])("isSameRule and formatExpressions compare rules: %s", (_, a, b, isSame) => {
  expect([isSameRule(a, b), isSameRule(b, a), isSameRule(a, a)]).toEqual([isSame, isSame, true]);
  expect(formatExpressions(a) === formatExpressions(b)).toBe(isSame);
});

test.each([
  [other("counter", 1, 255), "counter 01ff"],
  [other("notrack"), "notrack"],
  [[MASQUERADE], "masq"],
  [[MASQUERADE, ...other("limit", 1)], "masq, limit 01"],
  [compare({ value }), "cmp data=(value=0a58) sreg=1"],
])("formatExpressions shows %j as %s", (expressions, text) => {
  expect(formatExpressions(expressions)).toBe(text);
});
