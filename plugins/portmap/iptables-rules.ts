import { ADDRESS_BITS, type Address, type Family, formatAddress, isLoopback } from "../../src/ip/address.ts";
import { formatPrefix, type Prefix } from "../../src/ip/prefix.ts";
import { formatInput, parseJump } from "../../src/netfilter/iptables/text.ts";
import { chainName, entryComment, referenceChainName, SHARED_CHAIN } from "./iptables-chains.ts";
import { PROTOCOLS } from "./mapping.ts";
import type { Plan } from "./plan.ts";
import { formatEndpoint, overlaps, type Redirect, type Redirects } from "./redirect.ts";

/** The reference plugins' chains that mark packets for masquerading, and masquerade them. */
const SETMARK = "CNI-HOSTPORT-SETMARK";
const MASQ = "CNI-HOSTPORT-MASQ";

/** The maximum number of ports in one rule. XT_MULTI_PORTS of <linux/netfilter/xt_multiport.h> */
const XT_MULTI_PORTS = 15;

/**
 * Input for `iptables-restore --noflush` that sets up a family's mappings, whatever part of them exists. `listing` is the output of
 * `iptables -t nat -S`. Missing chains are created by commands that fail if others have created them since.
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

/** The rules missing from a listing. Rules in the reference plugins' chain of the container count too. */
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
  // The reference plugin masquerades only the subnet of the address that ports are mapped to.
  const ofReference = chainRules(plan, { ...family, subnets: family.subnets.slice(0, 1) }, reference).map((rule) =>
    rule.replace(/ -m comment --comment "if: \S*"/, ""),
  );
  return [...shared, ...(missingFrom(reference, ofReference).length === 0 ? [] : missing)];
}

/** Whether a packet with a loopback destination may match one of the mappings. */
export function needsGuard({ redirects }: Redirects): boolean {
  return redirects.some(({ hostIp }) => hostIp === undefined || isLoopback(hostIp));
}

function sharedChains({ masquerading, config }: Plan): readonly string[] {
  return masquerading !== undefined && config.externalSetMarkChain === undefined
    ? [SETMARK, MASQ, SHARED_CHAIN]
    : [SHARED_CHAIN];
}

/** The shared rules, in the reference's order and syntax. toCommand decides which go first in their chain. */
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

/** Inserts before the jumps of ipMasq, which would accept packets to the container's own subnet. */
function toCommand(rule: string): string {
  return rule.replace(/^-A POSTROUTING /, "-I POSTROUTING 1 ");
}

function chainRules(plan: Plan, { family, subnets, redirects }: Redirects, chain: string): readonly string[] {
  const sources = sourcesOf(plan, family, subnets);
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

/** Keeps the order, but puts a mapping of one address before a mapping of all with that port: the first matching rule applies. */
function specificFirst(redirects: readonly Redirect[]): readonly Redirect[] {
  const isForAll = ({ hostIp }: Redirect) => hostIp === undefined;
  const byPort = Map.groupBy(redirects, ({ protocol, hostPort }) => `${hostPort}/${protocol}`);
  return redirects.flatMap((redirect) => {
    const { protocol, hostPort } = redirect;
    const same = byPort.get(`${hostPort}/${protocol}`) ?? [];
    const rivals = same.filter((other) => isForAll(other) !== isForAll(redirect) && overlaps(other, redirect));
    if (isForAll(redirect)) return [...rivals, redirect];
    return rivals.length > 0 ? [] : [redirect];
  });
}

/** The sources to masquerade, each as the start of a rule. */
function sourcesOf({ masquerading }: Plan, family: Family, subnets: readonly Prefix[]): readonly string[] {
  if (masquerading === undefined) return [];
  if (masquerading.all) return [""];
  return [...subnets.map((subnet) => `-s ${formatPrefix(subnet)} `), ...(family === 4 ? ["-s 127.0.0.1/32 "] : [])];
}

/** A jump to an attachment's chain. */
interface Entry {
  readonly matches: string;
  readonly conditions: readonly string[];
  readonly chain: string;
}

/** For each protocol the ports of all mappings, including those of the other family's addresses. */
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

/**
 * Whether a line of a listing is this jump. The tool prints conditions in its own form, before and after the rest, so they are not
 * compared.
 */
function isEntry(line: string, { matches, chain }: Entry): boolean {
  return line.startsWith(`-A ${SHARED_CHAIN} `) && line.includes(` ${matches} `) && line.endsWith(` -j ${chain}`);
}

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

function formatHost(address: Address): string {
  return `${formatAddress(address)}/${ADDRESS_BITS[address.family]}`;
}

/** Quotes a word as iptables-restore reads it. Words of harmless characters stay bare. */
function quote(text: string): string {
  return /^[\w!./:,=-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
