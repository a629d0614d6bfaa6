import { ADDRESS_BITS, type Address, formatAddress } from "../../ip/address.ts";

/** A rule of table filter, as far as the firewall plugins' rules go. What it does not ask for, it leaves open. */
export interface FilterRule {
  readonly source?: Address | undefined;
  readonly destination?: Address | undefined;
  /** The interface that a packet came in through. */
  readonly inLink?: string | undefined;
  /** The one that it leaves through, or with `not` must not leave through. */
  readonly outLink?: { readonly name: string; readonly not?: boolean } | undefined;
  /** Only packets of a connection that is there already, or related to one. */
  readonly established?: boolean | undefined;
  /** Only packets of a connection whose destination the host has replaced, as it does for a port that is published. */
  readonly translated?: boolean | undefined;
  readonly comment?: string | undefined;
  /** ACCEPT, DROP, RETURN or a chain. */
  readonly target: string;
}

/** A rule that was found. */
export interface FoundRule {
  /** As formatRule writes it; undefined where it asks for more than a FilterRule can say. */
  readonly text: string | undefined;
  /** As in a FilterRule, or the name of any other target; "" where it has none. */
  readonly target: string;
}

/** A chain of table filter that is there. */
export interface FilterChain<R extends FoundRule = FoundRule> {
  /** What becomes of a packet that no rule has decided on; undefined but for a built-in chain. */
  readonly policy: "ACCEPT" | "DROP" | undefined;
  /** A function, for a table may have many chains, of which few are wanted. */
  readonly rules: () => readonly R[];
}

/** Finds a chain of table filter by its name. */
export type FindChain = (name: string) => FilterChain | undefined;

/** A rule in the words of `iptables -S`, without `-A` and its chain. Two do the same exactly where their texts are equal. */
export function formatRule(rule: FilterRule): string {
  const { source, destination, inLink, outLink, established, translated, comment, target } = rule;
  return [
    ...(source === undefined ? [] : [`-s ${formatHost(source)}`]),
    ...(destination === undefined ? [] : [`-d ${formatHost(destination)}`]),
    ...(inLink === undefined ? [] : [`-i ${quote(inLink)}`]),
    ...(outLink === undefined ? [] : [`${outLink.not === true ? "! " : ""}-o ${quote(outLink.name)}`]),
    ...(established === true ? ["-m conntrack --ctstate RELATED,ESTABLISHED"] : []),
    ...(translated === true ? ["-m conntrack --ctstate DNAT"] : []),
    ...(comment === undefined ? [] : [`-m comment --comment ${quote(comment)}`]),
    `-j ${target}`,
  ].join(" ");
}

/** One address, with the length that the commands print. */
function formatHost(address: Address): string {
  return `${formatAddress(address)}/${ADDRESS_BITS[address.family]}`;
}

/** As iptables-restore reads it back. A word of harmless characters needs nothing. */
function quote(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
