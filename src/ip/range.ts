import { type Address, compareAddresses, formatAddress } from "./address.ts";

/** A range of addresses of one family, both ends inclusive. */
export interface Range {
  readonly start: Address;
  readonly end: Address;
}

/** Whether the address is of the range's family and not outside its ends. */
export function rangeContains(range: Range, address: Address): boolean {
  return compareAddresses(range.start, address) <= 0 && compareAddresses(address, range.end) <= 0;
}

/** Whether two ranges share an address. Ranges of different families never do. */
export function rangesOverlap(a: Range, b: Range): boolean {
  return compareAddresses(a.start, b.end) <= 0 && compareAddresses(b.start, a.end) <= 0;
}

/** Two ranges that share an address; undefined if there are none. Takes hardly longer than sorting them. */
export function findOverlap<T extends Range>(ranges: readonly T[]): readonly [T, T] | undefined {
  const [first, ...others] = ranges.toSorted((a, b) => compareAddresses(a.start, b.start));
  let previous = first;
  for (const range of others) {
    if (previous !== undefined && rangesOverlap(previous, range)) return [previous, range];
    previous = range;
  }
  return undefined;
}

/** The text "start-end". */
export function formatRange(range: Range): string {
  return `${formatAddress(range.start)}-${formatAddress(range.end)}`;
}

/** The number of addresses in the range, at least 1. */
export function sizeOfRange(range: Range): bigint {
  return range.end.value - range.start.value + 1n;
}
