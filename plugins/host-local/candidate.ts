import { type Address, isSameAddress } from "../../src/ip/address.ts";
import { type AddressRange, findExclusion, findRange, type RangeSet } from "./range-set.ts";

/** An address, and the range that contains it. */
export interface Candidate {
  readonly address: Address;
  readonly range: AddressRange;
}

/**
 * The first address that `accept` takes, of those that the set may assign without a request. Tries each address once, in order, starting
 * after `last` and ending with `last` itself. Starts with the set's first address if `last` is not in the set.
 */
export function findCandidate(
  set: RangeSet,
  last: Address | undefined,
  accept: (candidate: Candidate) => boolean,
): Candidate | undefined {
  for (const run of runsAfter(set, last)) {
    const found = findInRun(run, accept);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A part of a range, both ends included; empty if `last` is before `first`. */
interface Run {
  readonly range: AddressRange;
  readonly first: bigint;
  readonly last: bigint;
}

function runsAfter(set: RangeSet, last: Address | undefined): readonly Run[] {
  const whole = (range: AddressRange): Run => ({ range, first: range.start.value, last: range.end.value });
  const index = last === undefined ? -1 : set.findIndex((range) => findRange([range], last) !== undefined);
  const from = set[index];
  if (last === undefined || from === undefined) return set.map(whole);
  return [
    { range: from, first: last.value + 1n, last: from.end.value },
    ...[...set.slice(index + 1), ...set.slice(0, index)].map(whole),
    { range: from, first: from.start.value, last: last.value },
  ];
}

function findInRun({ range, first, last }: Run, accept: (candidate: Candidate) => boolean): Candidate | undefined {
  const { family } = range.start;
  for (let value = first; value <= last; value += 1n) {
    const address = { family, value };
    const exclusion = findExclusion(range, address);
    const isGateway = range.gateway !== undefined && isSameAddress(address, range.gateway);
    if (exclusion !== undefined) value = exclusion.end.value;
    else if (!isGateway && accept({ address, range })) return { address, range };
  }
  return undefined;
}
