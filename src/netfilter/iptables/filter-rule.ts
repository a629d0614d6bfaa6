import { ADDRESS_BITS, type Address, formatAddress } from "../../ip/address.ts";

/** A rule of table filter, with the matches that the firewall plugins' rules use. A missing field matches any packet. */
export interface FilterRule {
  readonly source?: Address | undefined;
  readonly destination?: Address | undefined;
  /** The interface on which the packet arrived. */
  readonly inLink?: string | undefined;
  /** The interface through which the packet leaves; with `not`, any other interface. */
  readonly outLink?: { readonly name: string; readonly not?: boolean } | undefined;
  /** Matches only packets of an established connection, or related to one. */
  readonly established?: boolean | undefined;
  /** Matches only packets of a connection whose destination the host has translated, as for a published port. */
  readonly translated?: boolean | undefined;
  readonly comment?: string | undefined;
  /** ACCEPT, DROP, RETURN or the name of a chain; "" if the rule only counts packets. */
  readonly target: string;
}

/** A rule read from the host. */
export interface FoundRule {
  /** The text of formatRule; undefined if the rule has a match that FilterRule cannot express. */
  readonly text: string | undefined;
  /** ACCEPT, DROP, RETURN, the name of a chain or of any other target; "" if there is none. */
  readonly target: string;
}

/** An existing chain of table filter. */
export interface FilterChain<R extends FoundRule = FoundRule> {
  /** The chain's policy. Only built-in chains have one. */
  readonly policy: "ACCEPT" | "DROP" | undefined;
  /** A function, because a table may have many chains and a caller needs few of them. */
  readonly rules: () => readonly R[];
}

/** Finds a chain of table filter by its name. */
export type FindChain = (name: string) => FilterChain | undefined;

/** A rule as `iptables -S` prints it, without `-A` and the chain. Two rules do the same if and only if their texts are equal. */
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
    ...(target === "" ? [] : [`-j ${target}`]),
  ].join(" ");
}

/** A single address with the prefix length that the commands print. */
function formatHost(address: Address): string {
  return `${formatAddress(address)}/${ADDRESS_BITS[address.family]}`;
}

/** Quotes a text for iptables-restore. A word of harmless characters needs no quotes. */
function quote(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
