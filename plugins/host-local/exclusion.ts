import { compareAddresses, parseAddress } from "../../src/ip/address.ts";
import { lastAddress, networkAddress, type Prefix, parsePrefix } from "../../src/ip/prefix.ts";
import { type Range, rangesOverlap } from "../../src/ip/range.ts";

/** The part of the subnet that an `exclude` entry (address or prefix) covers; undefined if the entry is invalid or covers none of it. */
export function parseExclusion(text: string, subnet: Prefix): Range | undefined {
  const prefix = parsePrefix(text);
  const address = parseAddress(text);
  const whole = { start: subnet.address, end: lastAddress(subnet) };
  const named =
    prefix === undefined
      ? address && { start: address, end: address }
      : { start: networkAddress(prefix), end: lastAddress(prefix) };
  return named === undefined ? undefined : overlapOf(whole, named);
}

/** The addresses that are in both ranges. */
export function overlapOf(a: Range, b: Range): Range | undefined {
  if (!rangesOverlap(a, b)) return undefined;
  return {
    start: compareAddresses(a.start, b.start) > 0 ? a.start : b.start,
    end: compareAddresses(a.end, b.end) < 0 ? a.end : b.end,
  };
}

/** Merges ranges into sorted ranges that do not overlap. */
export function mergeRanges(ranges: readonly Range[]): readonly Range[] {
  const merged: Range[] = [];
  for (const range of [...ranges].sort((a, b) => compareAddresses(a.start, b.start))) {
    const previous = merged.at(-1);
    if (previous === undefined || !rangesOverlap(previous, range)) merged.push(range);
    else if (compareAddresses(range.end, previous.end) > 0) merged[merged.length - 1] = { ...previous, end: range.end };
  }
  return merged;
}
