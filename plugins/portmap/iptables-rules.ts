import { ADDRESS_BITS, type Address, type Family, formatAddress, isLoopback } from "../../src/ip/address.ts";
import { formatPrefix, network } from "../../src/ip/prefix.ts";
import { formatInput, parseJump } from "../../src/netfilter/iptables/text.ts";
import { chainName, entryComment, referenceChainName, SHARED_CHAIN } from "./iptables-chains.ts";
import { PROTOCOLS } from "./mapping.ts";
import type { Plan } from "./plan.ts";
import { formatEndpoint, overlaps, type Redirect, type Redirects } from "./redirect.ts";

/** The reference plugins' chains that mark what is to be masqueraded, and masquerade it. */
const SETMARK = "CNI-HOSTPORT-SETMARK";
const MASQ = "CNI-HOSTPORT-MASQ";

/** How many ports one rule may name. XT_MULTI_PORTS of <linux/netfilter/xt_multiport.h> */
const XT_MULTI_PORTS = 15;

/**
 * Input for `iptables-restore --noflush` after which a family's mappings are there, whatever of them was: `listing` is what `iptables -t nat -S` has
 * said. Chains that are not there are made by commands that fail where somebody else has made them meanwhile.
 */
export function formatAdditions(listing: string, plan: Plan, family: Redirects): string {
  const lines = listing.split("\n");
  const present = new Set(lines);
  const own = chainName(plan.owner);
  const stale = lines.filter((line) => parseJump(line, SHARED_CHAIN)?.chain === own);
  const chains = sharedChains(plan).filter((chain) => !present.has(`-N ${chain}`));
  return formatInput([
    ...chains.map((chain) => `-N ${chain}`),
    ...sharedRules(plan)
      .filter((rule) => !present.has(rule))
      .map(toCommand),
    present.has(`-N ${own}`) ? `-F ${own}` : `-N ${own}`,
    ...stale.map((line) => line.replace(/^-A/, "-D")),
    ...chainRules(plan, family, own),
    ...entryRules(plan, family, own).map(formatEntry),
  ]);
}

/** The rules that a listing lacks, those of the reference plugins' chain of the container counting as well. */
export function missingRules(listing: string, plan: Plan, family: Redirects): readonly string[] {
  const lines = listing.split("\n");
  const present = new Set(lines);
  const missingFrom = (chain: string, rules: readonly string[]) => [
    ...rules.filter((rule) => !present.has(rule)),
    ...entryRules(plan, family, chain)
      .filter((rule) => !lines.some((line) => isEntry(line, rule)))
      .map(formatEntry),
  ];
  const own = chainName(plan.owner);
  const reference = referenceChainName(plan.owner);
  const shared = sharedRules(plan).filter((rule) => !present.has(rule));
  const missing = missingFrom(own, chainRules(plan, family, own));
  const ofReference = chainRules(plan, family, reference).map((rule) =>
    rule.replace(/ -m comment --comment "if: \S*"/, ""),
  );
  return [...shared, ...(missingFrom(reference, ofReference).length === 0 ? [] : missing)];
}

/** What the comment of the rules of table raw says that keep others from what is for this host alone. */
export const GUARD_COMMENT = "CNI portfwd loopback";

/** A rule of an earlier version's, for one link. */
const FORMER_GUARD =
  /^-A PREROUTING -[ds] 127\.0\.0\.0\/8 -i \S+ -m comment --comment "CNI portfwd route_localnet" -j DROP$/;

/** Those rules: packets with such addresses that come from elsewhere are dropped before they are sent on. */
export function guardRules(family: Family): readonly string[] {
  const loopback = family === 4 ? "127.0.0.0/8" : "::1/128";
  const comment = `-m comment --comment "${GUARD_COMMENT}"`;
  return ["-d", "-s"].map((end) => `-A PREROUTING ${end} ${loopback} ! -i lo ${comment} -j DROP`);
}

/** The lines for iptables-restore after which they are there, and those of earlier versions are not. */
export function guardChanges(listing: string, family: Family): readonly string[] {
  const lines = listing.split("\n");
  return [
    ...guardRules(family).filter((rule) => !lines.includes(rule)),
    ...lines.filter((line) => FORMER_GUARD.test(line)).map((line) => line.replace(/^-A/, "-D")),
  ];
}

/** Whether a packet for the host alone may be for one of the mappings. */
export function needsGuard({ redirects }: Redirects): boolean {
  return redirects.some(({ hostIp }) => hostIp === undefined || isLoopback(hostIp));
}

function sharedChains({ masquerading, config }: Plan): readonly string[] {
  return masquerading !== undefined && config.externalSetMarkChain === undefined
    ? [SETMARK, MASQ, SHARED_CHAIN]
    : [SHARED_CHAIN];
}

/** In the reference's order and words; toCommand says which goes first in its chain. */
function sharedRules({ masquerading, config }: Plan): readonly string[] {
  const entries = ["PREROUTING", "OUTPUT"].map(
    (chain) => `-A ${chain} -m addrtype --dst-type LOCAL -j ${SHARED_CHAIN}`,
  );
  if (masquerading === undefined || config.externalSetMarkChain !== undefined) return entries;
  const mark = `0x${masquerading.mark.toString(16)}`;
  return [
    `-A ${SETMARK} -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark ${mark}/${mark}`,
    `-A ${MASQ} -m mark --mark ${mark}/${mark} -j MASQUERADE`,
    `-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j ${MASQ}`,
    ...entries,
  ];
}

/** Before the jumps of ipMasq, which would accept what goes to the container's own subnet. */
function toCommand(rule: string): string {
  return rule.replace(/^-A POSTROUTING /, "-I POSTROUTING 1 ");
}

function chainRules(plan: Plan, { prefix, redirects }: Redirects, chain: string): readonly string[] {
  const sources = sourcesOf(plan, prefix.address.family, formatPrefix(network(prefix)));
  const target = plan.config.externalSetMarkChain ?? SETMARK;
  return specificFirst(redirects).flatMap(({ protocol, hostIp, hostPort, to, toPort }) => {
    const end = `${hostIp === undefined ? "" : `-d ${formatHost(hostIp)} `}-p ${protocol} -m ${protocol} --dport ${hostPort}`;
    const comment = `-m comment --comment "if: ${plan.owner.ifname}"`;
    return [
      ...sources.map((source) => `-A ${chain} ${source}${end} -j ${target}`),
      `-A ${chain} ${end} ${comment} -j DNAT --to-destination ${formatEndpoint(to, toPort)}`,
    ];
  });
}

/** As they come, but for a mapping of one address where one of all has the same port: the first rule that fits is a packet's. */
function specificFirst(redirects: readonly Redirect[]): readonly Redirect[] {
  const isForAll = ({ hostIp }: Redirect) => hostIp === undefined;
  return redirects.flatMap((redirect) => {
    const rivals = redirects.filter((other) => isForAll(other) !== isForAll(redirect) && overlaps(other, redirect));
    if (isForAll(redirect)) return [...rivals, redirect];
    return rivals.length > 0 ? [] : [redirect];
  });
}

/** Which sources are masqueraded, each as the beginning of a rule. */
function sourcesOf({ masquerading }: Plan, family: Family, subnet: string): readonly string[] {
  if (masquerading === undefined) return [];
  if (masquerading.all) return [""];
  return [`-s ${subnet} `, ...(family === 4 ? ["-s 127.0.0.1/32 "] : [])];
}

/** A jump to an attachment's chain. */
interface Entry {
  readonly matches: string;
  readonly conditions: readonly string[];
  readonly chain: string;
}

/** For each protocol the ports of all mappings, those of the other family's addresses too. */
function entryRules({ owner, config }: Plan, { family }: Redirects, chain: string): readonly Entry[] {
  const comment = `-m comment --comment ${quote(entryComment(owner))}`;
  return [...PROTOCOLS].sort().flatMap((protocol) => {
    const mappings = config.mappings.filter((mapping) => mapping.protocol === protocol);
    const ports = [...new Set(mappings.map(({ hostPort }) => hostPort))];
    return chunks(ports, XT_MULTI_PORTS).map((some) => ({
      matches: `-p ${protocol} ${comment} -m multiport --dports ${some.join(",")}`,
      conditions: config.conditions[family].map(quote),
      chain,
    }));
  });
}

function formatEntry({ matches, conditions, chain }: Entry): string {
  return [`-A ${SHARED_CHAIN} ${matches}`, ...conditions, `-j ${chain}`].join(" ");
}

/** Whether a line of a listing is the jump: what the tool makes of conditions, before the rest and behind it, only the tool could tell. */
function isEntry(line: string, { matches, chain }: Entry): boolean {
  return line.startsWith(`-A ${SHARED_CHAIN} `) && line.includes(` ${matches} `) && line.endsWith(` -j ${chain}`);
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

function formatHost(address: Address): string {
  return `${formatAddress(address)}/${ADDRESS_BITS[address.family]}`;
}

/** As iptables-restore reads it back. A word of harmless characters needs nothing. */
function quote(text: string): string {
  return /^[\w!./:,=-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
