import { compareAddresses, parseAddress } from "../../src/ip/address.ts";
import { lastAddress, networkAddress, type Prefix, parsePrefix } from "../../src/ip/prefix.ts";
import { type Range, rangesOverlap } from "../../src/ip/range.ts";

/**
 * What an entry of `exclude`, an address or a prefix, keeps back of the subnet; undefined where it is neither, or nothing of
 * the subnet.
 */
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

/** What both ranges have. */
export function overlapOf(a: Range, b: Range): Range | undefined {
  if (!rangesOverlap(a, b)) return undefined;
  return {
    start: compareAddresses(a.start, b.start) > 0 ? a.start : b.start,
    end: compareAddresses(a.end, b.end) < 0 ? a.end : b.end,
  };
}

/** The same addresses in order, each in one range only. */
export function mergeRanges(ranges: readonly Range[]): readonly Range[] {
  const merged: Range[] = [];
  for (const range of [...ranges].sort((a, b) => compareAddresses(a.start, b.start))) {
    const previous = merged.at(-1);
    if (previous === undefined || !rangesOverlap(previous, range)) merged.push(range);
    else if (compareAddresses(range.end, previous.end) > 0) merged[merged.length - 1] = { ...previous, end: range.end };
  }
  return merged;
}
