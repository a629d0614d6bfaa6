import type { Environment } from "../../src/cni/environment.ts";
import { CniError } from "../../src/cni/error.ts";
import { formatValue } from "../../src/cni/issue.ts";
import type { Family } from "../../src/ip/address.ts";
import { describeMissing, findExecutable } from "../../src/netfilter/executable.ts";
import type { Place } from "../../src/netfilter/iptables/tool.ts";
import { listRules, type Rule } from "../../src/netfilter/nftables/rule.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import type { PortmapConfig } from "./config.ts";
import { chainKey, conditionalChains } from "./nftables-rules.ts";
import type { Plan } from "./plan.ts";
import { TABLE } from "./tables.ts";

/** How long the nft tool may take. It reads all of the host's rules first. */
const NFT_MS = 30_000;

const MAX_OUTPUT = 1024 * 1024;

/** What would end the rule that the conditions are part of, or hide its end. */
const ENDS_RULE = /[;\n\r#\\\0{}]/;

/** What of a set in braces is left when its braces are taken off. */
const BRACES = /\{[^{}]*\}/g;

/** Refuses conditions that cannot be part of a rule, or that there is no tool for. @throws CniError unsupportedField, invalidConfig */
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
 * Has the nft tool write the conditions, whose language is its own: one rule for each family with some, in the attachment's chains that
 * addRedirects has made. Only such configurations need the tool. @throws CniError invalidConfig with what it says
 */
export function addConditions(
  { netlink, place }: { readonly netlink: Nfnetlink; readonly place: Place },
  plan: Plan,
): void {
  const conditional = plan.families.filter(({ family }) => plan.config.conditions[family].length > 0);
  if (conditional.length === 0) return;
  const lines = conditional.map(({ family }) => {
    const { test, passed } = conditionalChains(plan.owner, family);
    return `add rule inet ${TABLE.table} ${test} ${plan.config.conditions[family].join(" ")} goto ${passed}\n`;
  });
  runNft(lines.join(""), place);
  const wrong = conditional.flatMap(({ family }) => compareConditions(netlink, plan.owner, family));
  if (wrong.length > 0) throw new CniError("invalidConfig", `Cannot use conditions: ${wrong.join("; ")}`);
}

/** What differs about an attachment's conditions of a family: what they say only the tool could tell. */
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

function runNft(input: string, { environment, launch }: Place): void {
  const executable = findNft(environment);
  const { status, signal, stderr } = attempt(() =>
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

function attempt<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
    throw new CniError("kernelRequest", `Cannot use conditions: ${error.message}`, { cause: error });
  }
}

function findNft(environment: Environment): string {
  const executable = findExecutable(["nft"], environment);
  if (executable !== undefined) return executable;
  const remedy = "install nftables, or write the conditions for iptables";
  throw new CniError("unsupportedField", `Cannot use conditions with nftables: ${describeMissing("nft")}: ${remedy}`);
}
