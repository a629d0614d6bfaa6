import type { Nfnetlink } from "../../netlink/socket.ts";
import { type Chain, findChain } from "./chain.ts";
import { formatExpressions, isSameRule } from "./format.ts";
import { listRules, type Rule } from "./rule.ts";
import type { ChainRules, LabelledRule, RuleSet } from "./rule-set.ts";

/**
 * The differences between the kernel's chains and a rule set, one sentence each with the expected and the found state: a chain that is
 * missing or not in its hook, or a rule that is missing, different, or extra. @throws NetlinkError
 */
export function compareRuleSet(netlink: Nfnetlink, { table, chains }: RuleSet): readonly string[] {
  return chains.flatMap((expected) => {
    const key = { family: table.family, table: table.name, name: expected.name };
    const what = `Nftables chain ${expected.name} of table ${table.name}`;
    const found = findChain(netlink, key);
    if (found === undefined) return [`${what} is missing`];
    return [
      ...compareBase(expected, found).map((difference) => `${what} ${difference}`),
      ...compareRules(expected.rules(), listRules(netlink, key)).map((difference) => `${what}: ${difference}`),
    ];
  });
}

function compareBase({ base }: ChainRules, found: Chain): readonly string[] {
  const expected = formatBase(base ?? {});
  const actual = formatBase(found);
  return expected === actual ? [] : [`must be ${expected}, is ${actual}`];
}

function formatBase({ type, hook }: Pick<Chain, "type" | "hook">): string {
  return hook === undefined
    ? "a regular chain"
    : `of type ${type} in hook ${hook.number} with priority ${hook.priority}`;
}

function compareRules(expected: readonly LabelledRule[], found: readonly Rule[]): readonly string[] {
  const surplus = found.slice(expected.length);
  return [
    ...expected.flatMap((rule, index) => compareRule(rule, { found: found[index], number: index + 1 })),
    ...(surplus.length === 0 ? [] : [`must have ${expected.length} rules, has ${found.length}`]),
  ];
}

function compareRule(expected: LabelledRule, at: { found: Rule | undefined; number: number }): readonly string[] {
  if (at.found === undefined) return [`rule ${at.number} must be "${expected.label}", is missing`];
  const { expressions = [] } = at.found;
  return isSameRule(expressions, expected.expressions)
    ? []
    : [`rule ${at.number} must be "${expected.label}", is "${formatExpressions(expressions)}"`];
}
