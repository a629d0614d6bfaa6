import { CniError } from "../../src/cni/error.ts";
import type { IpConfig } from "../../src/cni/result.ts";
import { type Address, formatAddress, isSameAddress } from "../../src/ip/address.ts";
import { type AddressRange, findRange, formatRangeSet, type RangeSet } from "./range-set.ts";

/** What an allocation needs of the leases of a network, on behalf of one attachment. */
export interface LeaseBook {
  /** Addresses that the attachment already holds. */
  readonly held: readonly Address[];
  /** The address that was last reserved from the range set of that index. */
  readonly last: (setIndex: number) => Address | undefined;
  /** Takes the address for the attachment and notes it as the set's last; false where somebody has it. */
  readonly reserve: (address: Address, setIndex: number) => boolean;
}

/** What to allocate: an address of `set`, the one asked for or the next free one. */
export interface Demand {
  readonly set: RangeSet;
  /** Place of the set in the configuration, from 0. */
  readonly setIndex: number;
  readonly requested: Address | undefined;
  readonly containerId: string;
}

interface Candidate {
  readonly address: Address;
  readonly range: AddressRange;
}

/**
 * Reserves one address. An attachment that already has one in the set is refused, also where it asks for another.
 * @throws CniError duplicateAllocation, addressUnavailable, noAddressAvailable
 */
export function allocateAddress(book: LeaseBook, demand: Demand): IpConfig {
  const { set, setIndex, requested, containerId } = demand;
  const held = book.held.find((address) => findRange(set, address) !== undefined);
  if (held !== undefined) {
    throw new CniError(
      "duplicateAllocation",
      `${formatAddress(held)} has been allocated to ${containerId}, duplicate allocation is not allowed`,
    );
  }
  const offers = requested === undefined ? candidates(set, book.last(setIndex)) : [findRequested(set, requested)];
  for (const { address, range } of offers) {
    if (book.reserve(address, setIndex)) {
      return { address: { address, length: range.subnet.length }, gateway: range.gateway };
    }
  }
  throw exhausted(set, requested);
}

/**
 * Every address of the set except gateways, each once, in the order in which they are handed out: on from the one
 * after `last`, round to `last` itself; from the set's first where `last` is not in the set.
 */
export function* candidates(set: RangeSet, last?: Address): Generator<Candidate> {
  const lastIndex = last === undefined ? -1 : set.findIndex((range) => findRange([range], last) !== undefined);
  const from = set[lastIndex];
  if (last === undefined || from === undefined) {
    for (const range of set) yield* hosts(range, range.start.value, range.end.value);
    return;
  }
  yield* hosts(from, last.value + 1n, from.end.value);
  for (const range of [...set.slice(lastIndex + 1), ...set.slice(0, lastIndex)]) {
    yield* hosts(range, range.start.value, range.end.value);
  }
  yield* hosts(from, from.start.value, last.value);
}

/**
 * Gives each set the first of the requested addresses that lies in it, as the places of the result show.
 * @throws CniError addressUnavailable where one is left over
 */
export function assignRequested(
  sets: readonly RangeSet[],
  requested: readonly Address[],
): readonly (Address | undefined)[] {
  const open = requested.filter((address, index) => requested.findIndex((a) => isSameAddress(a, address)) === index);
  const assigned = sets.map((set) => {
    const index = open.findIndex((address) => findRange(set, address) !== undefined);
    return index === -1 ? undefined : open.splice(index, 1)[0];
  });
  if (open.length > 0) {
    throw new CniError(
      "addressUnavailable",
      `failed to allocate all requested IPs: ${open.map(formatAddress).join(" ")}`,
      { details: "each range set serves one requested address, which must lie in one of its ranges" },
    );
  }
  return assigned;
}

function* hosts(range: AddressRange, first: bigint, last: bigint): Generator<Candidate> {
  const { family } = range.start;
  for (let value = first; value <= last; value += 1n) {
    const address = { family, value };
    if (!isSameAddress(address, range.gateway)) yield { address, range };
  }
}

function findRequested(set: RangeSet, address: Address): Candidate {
  const range = findRange(set, address);
  const text = formatAddress(address);
  if (range === undefined) throw new CniError("addressUnavailable", `${text} not in range set ${formatRangeSet(set)}`);
  if (isSameAddress(address, range.gateway)) {
    throw new CniError("addressUnavailable", `requested ip ${text} is subnet's gateway`);
  }
  return { address, range };
}

function exhausted(set: RangeSet, requested: Address | undefined): CniError {
  const ranges = formatRangeSet(set);
  if (requested === undefined) {
    return new CniError("noAddressAvailable", `no IP addresses available in range set: ${ranges}`);
  }
  return new CniError(
    "addressUnavailable",
    `requested IP address ${formatAddress(requested)} is not available in range set ${ranges}`,
  );
}
