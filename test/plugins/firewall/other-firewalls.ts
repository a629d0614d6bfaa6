import { type Address, type Family, formatAddress } from "../../../src/ip/address.ts";
import type { FilterChain } from "../../../src/netfilter/iptables/filter-rule.ts";
import { IptablesError } from "../../../src/netfilter/iptables/tool.ts";

/** What a host has beside our table: the filter tables of iptables-legacy, as `iptables -S` prints their rules, and firewalld. */
export class OtherFirewalls {
  /** The rules of each chain of each family. A family without chains has no table. */
  readonly chains: Record<Family, Map<string, string[]>> = { 4: new Map(), 6: new Map() };
  /** The inputs of iptables-restore. */
  readonly inputs: string[] = [];
  /** firewalld's sources, each with its zone; undefined if it does not run. */
  sources: Set<string> | undefined;
  /** What happens before the next commands, the first for the next one. */
  readonly before: (() => void)[] = [];

  /** Gives the families a table whose FORWARD chain has policy DROP. */
  dropForwarded(...families: readonly Family[]): void {
    for (const family of families) this.chains[family].set("FORWARD", []);
  }

  find(family: Family): ReadonlyMap<string, FilterChain> {
    return new Map(
      [...this.chains[family]].map(([name, texts]) => [
        name,
        { policy: name === "FORWARD" ? "DROP" : undefined, rules: () => texts.map((text) => ({ text, target: "" })) },
      ]),
    );
  }

  /** Applies all lines of an input of iptables-restore, or none. @throws IptablesError refused */
  restore(family: Family, input: string): void {
    this.before.shift()?.();
    this.inputs.push(input);
    const [table, ...lines] = input.trimEnd().split("\n");
    if (table !== "*filter" || lines.pop() !== "COMMIT") throw new Error(`Not an input for table filter: ${input}`);
    const chains = new Map([...this.chains[family]].map(([name, rules]) => [name, [...rules]]));
    for (const line of lines) change(chains, line);
    this.chains[family] = chains;
  }

  addSources(zone: string, addresses: readonly Address[]): void {
    for (const address of addresses) this.sources?.add(nameSource(zone, address));
  }

  removeSources(zone: string, addresses: readonly Address[]): void {
    for (const address of addresses) this.sources?.delete(nameSource(zone, address));
  }

  missingSources(zone: string, addresses: readonly Address[]): readonly string[] {
    const missing = addresses.map((address) => nameSource(zone, address)).filter((name) => !this.sources?.has(name));
    return missing.map((name) => `${name} is missing`);
  }
}

function nameSource(zone: string, address: Address): string {
  return `${formatAddress(address)} in ${zone}`;
}

function change(chains: Map<string, string[]>, line: string): void {
  const [, action = "", name = "", text = ""] = /^-([NIAD]) (\S+)(?: 1(?= ))?(?: (.+))?$/.exec(line) ?? [];
  const rules = chains.get(name);
  const at = rules?.indexOf(text) ?? -1;
  if (action === "N" && rules === undefined) chains.set(name, []);
  else if (action === "I" && rules !== undefined) rules.unshift(text);
  else if (action === "A" && rules !== undefined) rules.push(text);
  else if (action === "D" && at >= 0) rules?.splice(at, 1);
  else throw new IptablesError("refused", `line "${line}" failed`);
}
