import { decodeAddress, type Family } from "../../ip/address.ts";
import { viewOfStruct } from "../../netlink/bytes.ts";
import { text } from "../../netlink/codec.ts";
import { type FilterChain, type FilterRule, type FoundRule, formatRule } from "./filter-rule.ts";
import type { LegacyTable } from "./legacy-table.ts";
import { readMatch, type XtExtension, type XtMatch } from "./xt-match.ts";

/** struct ipt_entry <linux/netfilter_ipv4/ip_tables.h> and struct ip6t_entry <linux/netfilter_ipv6/ip6_tables.h> */
const ENTRY = {
  4: { address: 4, interfaces: 16, protocol: 80, flags: 82, target: 88, size: 112 },
  6: { address: 16, interfaces: 64, protocol: 128, flags: 131, target: 140, size: 168 },
} as const;

/** IFNAMSIZ. <linux/if.h> */
const IFNAMSIZ = 16;

/** Bits of an entry's flags for inverted matches. <linux/netfilter_ipv4/ip_tables.h>, with equal values in ip6_tables.h */
const IPT_INV = { VIA_OUT: 0x02 } as const;

/** sizeof(struct xt_entry_match) and sizeof(struct xt_entry_target): u16 size, a name of 29 bytes, u8 revision. <linux/netfilter/x_tables.h> */
const EXTENSION_SIZE = 32;

/** The target that marks the start of a user-defined chain. <linux/netfilter/x_tables.h> */
const XT_ERROR_TARGET = "ERROR";

/**
 * Verdicts of the standard target: -NF_DROP - 1, -NF_ACCEPT - 1, XT_RETURN. Any other value is the offset of a jump.
 * <linux/netfilter/x_tables.h>
 */
const VERDICTS: ReadonlyMap<number, string> = new Map([
  [-1, "DROP"],
  [-2, "ACCEPT"],
  [-5, "RETURN"],
]);

/** A rule in the bytes of a table: its start, its end and its target. */
interface Entry {
  readonly offset: number;
  readonly next: number;
  readonly bytes: Uint8Array;
  readonly target: XtExtension;
}

/**
 * The chains of an iptables-legacy table and their rules, decoded from the kernel's form. There, rules are stored one after another,
 * an entry with the chain's name comes before its rules, and jumps are offsets. @throws RangeError on malformed input
 */
export function decodeLegacyFilter(family: Family, { entries, chains }: LegacyTable): ReadonlyMap<string, FilterChain> {
  const rules = decodeEntries(family, entries);
  const starts = new Map([...chains].map(([name, { start }]) => [start, name]));
  for (const { target, next } of rules) if (target.name === XT_ERROR_TARGET) starts.set(next, text.decode(target.info));
  return new Map(
    [...divide(rules, starts)].map(([name, all]) => {
      // The last rule of a chain ends it: with the policy of a built-in chain, or with the return to the calling chain.
      const policy = chains.has(name) ? policyOf(all.at(-1)) : undefined;
      const own = all.slice(0, -1);
      return [name, { policy, rules: () => own.map((entry) => decodeRule(family, entry, starts)) }];
    }),
  );
}

/** How many rules a table has besides those that end its chains. @throws RangeError on malformed input */
export function countLegacyRules(family: Family, { entries, chains }: LegacyTable): number {
  const rules = decodeEntries(family, entries);
  const names = rules.filter(({ target }) => target.name === XT_ERROR_TARGET).length;
  // Each built-in chain ends with its policy, each other one with a return; the entry that ends the table has a name and no end.
  return rules.length - chains.size - names - Math.max(0, names - 1);
}

/** The rules of each chain, including the last one that ends it. `starts` has the chains' names. */
function divide(rules: readonly Entry[], starts: ReadonlyMap<number, string>): ReadonlyMap<string, readonly Entry[]> {
  const found = new Map<string, Entry[]>();
  let current: Entry[] = [];
  for (const entry of rules) {
    const name = starts.get(entry.offset);
    if (name !== undefined) {
      current = [];
      found.set(name, current);
    }
    if (entry.target.name !== XT_ERROR_TARGET) current.push(entry);
  }
  return found;
}

function decodeEntries(family: Family, entries: Uint8Array): readonly Entry[] {
  const { target, size } = ENTRY[family];
  const found: Entry[] = [];
  for (let offset = 0; offset < entries.length; ) {
    const view = viewOfStruct(entries.subarray(offset), "a rule of iptables-legacy", size);
    const [at, length] = [view.getUint16(target, true), view.getUint16(target + 2, true)];
    const bytes = entries.subarray(offset, offset + length);
    if (length < size || bytes.length < length) {
      throw new RangeError(`Cannot decode a rule of iptables-legacy: ${bytes.length} bytes, says ${length}`);
    }
    found.push({ offset, next: offset + length, bytes, target: decodeExtension(bytes, at) });
    offset += length;
  }
  return found;
}

function decodeExtension(bytes: Uint8Array, offset: number): XtExtension {
  const size = viewOfStruct(bytes.subarray(offset), "an extension of iptables", EXTENSION_SIZE).getUint16(0, true);
  const name = text.decode(bytes.subarray(offset + 2, offset + EXTENSION_SIZE - 1));
  return { name, info: bytes.subarray(offset + EXTENSION_SIZE, offset + size) };
}

function decodeRule(family: Family, entry: Entry, starts: ReadonlyMap<number, string>): FoundRule {
  const target = targetOf(entry, starts);
  // Targets other than the standard target have options of their own.
  const rule = entry.target.name === "" ? readRule(family, entry, target) : undefined;
  return { text: rule && formatRule(rule), target };
}

/** A jump to the next rule means that the rule has no target. */
function targetOf(entry: Entry, starts: ReadonlyMap<number, string>): string {
  if (entry.target.name !== "") return entry.target.name;
  return verdictOf(entry) ?? starts.get(verdictNumber(entry)) ?? "";
}

function policyOf(entry: Entry | undefined): "ACCEPT" | "DROP" {
  return entry !== undefined && verdictOf(entry) === "DROP" ? "DROP" : "ACCEPT";
}

function verdictOf(entry: Entry): string | undefined {
  return VERDICTS.get(verdictNumber(entry));
}

function verdictNumber({ target }: Entry): number {
  return viewOfStruct(target.info, "a verdict of iptables", 4).getInt32(0, true);
}

/** Undefined if the rule has a match that FilterRule cannot express. */
function readRule(family: Family, { bytes }: Entry, target: string): FilterRule | undefined {
  const layout = ENTRY[family];
  const at = (index: number) => bytes.subarray(index * layout.address, (index + 1) * layout.address);
  const [flags = 0, inverted = 0] = bytes.subarray(layout.flags);
  const isPlain = flags === 0 && (inverted & ~IPT_INV.VIA_OUT) === 0 && bytes[layout.protocol] === 0;
  const [source, destination] = [readHost(at(0), at(2)), readHost(at(1), at(3))];
  const names = bytes.subarray(layout.interfaces);
  const [inLink, outLink] = [readLink(names, 0), readLink(names, 1)];
  const matches = readMatches(bytes, layout);
  if (
    !isPlain ||
    source === null ||
    destination === null ||
    inLink === null ||
    outLink === null ||
    matches === undefined
  )
    return undefined;
  const not = (inverted & IPT_INV.VIA_OUT) !== 0;
  return {
    source,
    destination,
    inLink,
    outLink: outLink === undefined ? undefined : { name: outLink, not },
    ...matches,
    target,
  };
}

/** Undefined for any address, null for more than one. */
function readHost(address: Uint8Array, mask: Uint8Array) {
  if (mask.every((byte) => byte === 0)) return undefined;
  return mask.every((byte) => byte === 0xff) ? decodeAddress(address) : null;
}

/** Undefined for any interface, null for a prefix of names. The masks follow the two names. */
function readLink(names: Uint8Array, index: number): string | undefined | null {
  const part = (position: number) => names.subarray(position * IFNAMSIZ, (position + 1) * IFNAMSIZ);
  const name = text.decode(part(index));
  if (name === "") return undefined;
  // The mask of a complete name covers its NUL too.
  return part(index + 2)[new TextEncoder().encode(name).length] === 0xff ? name : null;
}

function readMatches(bytes: Uint8Array, { size, target }: { size: number; target: number }): XtMatch | undefined {
  const end = viewOfStruct(bytes, "a rule of iptables-legacy", size).getUint16(target, true);
  let found: XtMatch = {};
  for (let offset = size; offset < end; ) {
    const { name, info } = decodeExtension(bytes, offset);
    const match = readMatch({ name, info });
    if (match === undefined) return undefined;
    found = { ...found, ...match };
    offset += EXTENSION_SIZE + info.length;
  }
  return found;
}
