import type { Address } from "../../src/ip/address.ts";
import { type FilterRule, type FindChain, formatRule } from "../../src/netfilter/iptables/filter-rule.ts";
import type { Isolation } from "./subject.ts";

/** The chains of the filter table, with the reference plugins' names. */
export const CHAIN = {
  builtIn: "FORWARD",
  forward: "CNI-FORWARD",
  stage1: "CNI-ISOLATION-STAGE-1",
  stage2: "CNI-ISOLATION-STAGE-2",
} as const;

/** The comments of the reference plugins' rules. */
const COMMENT = {
  forward: "CNI firewall plugin rules",
  admin: "CNI firewall plugin admin overrides",
  isolation: "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)",
  // The reference plugins have no such rule.
  published: "CNI firewall plugin rules (published ports)",
} as const;

/** What the filter table of one family should contain. */
export interface WantedFilter {
  readonly addresses: readonly Address[];
  /** The operator's chain. */
  readonly adminChain: string;
  readonly isolation: Isolation | undefined;
}

/** A rule, and its place in the chain if it is missing. */
interface WantedRule extends FilterRule {
  readonly chain: string;
  readonly first: boolean;
}

/**
 * The missing lines, in the syntax of `iptables -S`: -N for a chain, -I or -A for a rule, ordered so that iptables-restore can add them.
 * Chains, rules and order are the reference plugins', with one extra rule if there is a policy.
 */
export function missingLines(find: FindChain, wanted: WantedFilter): readonly string[] {
  const texts = new Map<string, ReadonlySet<string | undefined>>();
  const textsIn = (chain: string) => {
    const found =
      texts.get(chain) ??
      new Set(
        find(chain)
          ?.rules()
          .map(({ text }) => text),
      );
    texts.set(chain, found);
    return found;
  };
  const chains = wantedChains(wanted).filter((name) => find(name) === undefined);
  const rules = wantedRules(wanted).flatMap(({ chain, first, ...rule }) => {
    const text = formatRule(rule);
    return textsIn(chain).has(text) ? [] : [`${first ? `-I ${chain} 1` : `-A ${chain}`} ${text}`];
  });
  return [...chains.map((name) => `-N ${name}`), ...rules];
}

/** Whether a line is a rule that the reference plugins do not have. */
export function isAddition(line: string): boolean {
  return line.includes(COMMENT.published);
}

/** The two rules of each address: accept packets to it in established connections, and all packets from it. */
export function addressRules(address: Address): readonly FilterRule[] {
  return [
    { destination: address, established: true, target: "ACCEPT" },
    { source: address, target: "ACCEPT" },
  ];
}

function wantedChains({ adminChain, isolation }: WantedFilter): readonly string[] {
  return [CHAIN.forward, adminChain, ...(isolation === undefined ? [] : [CHAIN.stage1, CHAIN.stage2])];
}

function wantedRules({ addresses, adminChain, isolation }: WantedFilter): readonly WantedRule[] {
  const accepted = addresses.flatMap(addressRules);
  return [
    { chain: CHAIN.builtIn, first: true, comment: COMMENT.forward, target: CHAIN.forward },
    { chain: CHAIN.forward, first: true, comment: COMMENT.admin, target: adminChain },
    ...accepted.map((rule) => ({ ...rule, chain: CHAIN.forward, first: false })),
    ...(isolation === undefined ? [] : isolationRules(isolation)),
  ];
}

/** Each rule is inserted at the top of its chain, except for the last, which returns. */
function isolationRules({ policy, link }: Isolation): readonly WantedRule[] {
  const comment = `CNI firewall plugin rules (ingressPolicy: ${policy})`;
  const within = { chain: CHAIN.stage1, first: true, inLink: link, outLink: { name: link }, comment, target: "DROP" };
  const shared = COMMENT.isolation;
  return [
    { chain: CHAIN.builtIn, first: true, comment: shared, target: CHAIN.stage1 },
    {
      chain: CHAIN.stage1,
      first: true,
      inLink: link,
      outLink: { name: link, not: true },
      comment,
      target: CHAIN.stage2,
    },
    ...(policy === "isolated" ? [within] : []),
    { chain: CHAIN.stage1, first: false, comment: shared, target: "RETURN" },
    { chain: CHAIN.stage2, first: true, outLink: { name: link }, comment: shared, target: "DROP" },
    { chain: CHAIN.stage2, first: false, comment: shared, target: "RETURN" },
    // This is inserted last, so it comes first in the chain. Of packets to published ports, policies then see only those that no known
    // container sent.
    { chain: CHAIN.builtIn, first: true, translated: true, comment: COMMENT.published, target: CHAIN.forward },
  ];
}
