import type { Environment } from "../../src/cni/environment.ts";
import { CniError } from "../../src/cni/error.ts";
import { formatValue } from "../../src/cni/issue.ts";
import type { Family } from "../../src/ip/address.ts";
import { describeMissing, findExecutable } from "../../src/netfilter/executable.ts";
import type { Invocation } from "../../src/netfilter/iptables/tool.ts";
import { listRules, type Rule } from "../../src/netfilter/nftables/rule.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { translating } from "../../src/platform/outcome.ts";
import type { PortmapConfig } from "./config.ts";
import { chainKey, conditionalChains } from "./nftables-rules.ts";
import type { Plan } from "./plan.ts";
import { TABLE } from "./tables.ts";

/** The time limit of the nft tool, in ms. It first reads all rules of the host. */
const NFT_MS = 30_000;

const MAX_OUTPUT = 1024 * 1024;

/** Characters that would end the rule that contains the conditions, or hide its end. */
const ENDS_RULE = /[;\n\r#\\\0{}]/;

/** A set in braces. The check removes these first. */
const BRACES = /\{[^{}]*\}/g;

/**
 * Refuses conditions that cannot be part of a rule, or for which the tool is missing.
 * @throws CniError unsupportedField, invalidConfig
 */
export function requireConditions({ conditions }: Pick<PortmapConfig, "conditions">, environment: Environment): void {
  for (const family of [4, 6] as const) {
    const text = conditions[family].join(" ");
    if (text !== "") findNft(environment);
    if (!ENDS_RULE.test(text.replaceAll(BRACES, ""))) continue;
    const what = `Cannot use conditionsV${family} ${formatValue(text)}`;
    throw new CniError("invalidConfig", `${what}: must be part of one rule, with sets in braces`);
  }
}

/**
 * Adds the conditions with the nft tool, because they are in its language: one rule for each family with conditions, in the attachment's
 * chains that addRedirects has created. Only such configurations need the tool.
 * @throws CniError invalidConfig with the tool's message
 */
export function addConditions(
  { netlink, invocation }: { readonly netlink: Nfnetlink; readonly invocation: Invocation },
  plan: Plan,
): void {
  const conditional = plan.families.filter(({ family }) => plan.config.conditions[family].length > 0);
  if (conditional.length === 0) return;
  const lines = conditional.map(({ family }) => {
    const { test, passed } = conditionalChains(plan.owner, family);
    return `add rule inet ${TABLE.table} ${test} ${plan.config.conditions[family].join(" ")} goto ${passed}\n`;
  });
  runNft(lines.join(""), invocation);
  const wrong = conditional.flatMap(({ family }) => compareConditions(netlink, plan.owner, family));
  if (wrong.length > 0) throw new CniError("invalidConfig", `Cannot use conditions: ${wrong.join("; ")}`);
}

/**
 * The differences in an attachment's conditions of a family. Only the tool could compare the conditions themselves, so only the rule's
 * place and target are checked.
 */
export function compareConditions(netlink: Nfnetlink, owner: Attachment, family: Family): readonly string[] {
  const { test, passed } = conditionalChains(owner, family);
  const rules = listRules(netlink, chainKey(test));
  const [first] = rules;
  if (first !== undefined && rules.length === 1 && endsIn(first, passed)) return [];
  const found = rules.length === 1 ? "another" : `${rules.length} rules`;
  return [`Nftables chain ${test} must have one rule that goes to ${passed}, has ${found}`];
}

function endsIn({ expressions = [] }: Rule, chain: string): boolean {
  const last = expressions.at(-1);
  return last?.name === "immediate" && last.data.data?.verdict?.chain === chain;
}

function runNft(input: string, { environment, launch }: Invocation): void {
  const executable = findNft(environment);
  const { status, signal, stderr } = orCannotUse(() =>
    launch(executable, {
      args: ["-f", "-"],
      environment,
      stdin: new TextEncoder().encode(input),
      deadline: NFT_MS,
      maxOutput: MAX_OUTPUT,
    }).wait(),
  );
  if (status === 0) return;
  const said = new TextDecoder()
    .decode(stderr)
    .trim()
    .replaceAll(/\s*\n\s*/g, "; ");
  const end = status === undefined ? `signal ${signal}` : `status ${status}`;
  throw new CniError("invalidConfig", `Cannot use conditions: ${executable} ended with ${end}: ${said}`);
}

function orCannotUse<T>(run: () => T): T {
  return translating([LinuxError], run, (cause) => {
    return new CniError("kernelRequest", `Cannot use conditions: ${cause.message}`, { cause });
  });
}

function findNft(environment: Environment): string {
  const executable = findExecutable(["nft"], environment);
  if (executable !== undefined) return executable;
  const remedy = "install nftables, or write the conditions for iptables";
  throw new CniError("unsupportedField", `Cannot use conditions with nftables: ${describeMissing("nft")}: ${remedy}`);
}
