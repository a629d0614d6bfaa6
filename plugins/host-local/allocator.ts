import { CniError } from "../../src/cni/error.ts";
import type { IpConfig } from "../../src/cni/result.ts";
import { type Address, formatAddress, isSameAddress, parseAddress } from "../../src/ip/address.ts";
import { rangeContains } from "../../src/ip/range.ts";
import { type Candidate, findCandidate } from "./candidate.ts";
import { findObstacle, findPlace, findRange, findSubnet, formatRangeSet, type RangeSet } from "./range-set.ts";

/** The operations on a network's leases that an allocation for one attachment needs. */
export interface LeaseBook {
  /** The last address reserved from the range set with that index. */
  readonly last: (setIndex: number) => Address | undefined;
  /** Leases the address to the attachment and saves it as the last of that set. False if the address is taken. */
  readonly reserve: (address: Address, setIndex: number | undefined) => boolean;
  /** Whether a lease of the attachment is from an earlier boot. */
  readonly isOutlived: (address: Address) => boolean;
  /** Renews a lease of an earlier boot for this boot. */
  readonly renew: (address: Address, setIndex: number) => void;
  /** Deletes dead leases, of the set's ranges or of one address. Returns whether there were any. */
  readonly reclaim: (where: RangeSet | Address) => boolean;
  /** The resting addresses, as text, the longest resting first. */
  readonly resting: () => readonly string[];
  /** The owner of the address, as text; undefined if none is known. */
  readonly holderOf: (address: Address) => string | undefined;
  /** The use of the set's addresses, as text. */
  readonly describe: (set: RangeSet) => string;
}

/** What to allocate: an address of `set`, either the requested one or the next free one. */
export interface Demand {
  readonly set: RangeSet;
  /** Index of the set in the configuration, from 0. */
  readonly setIndex: number;
  readonly requested: Address | undefined;
  /** The address of the set that the attachment already has. */
  readonly held: Address | undefined;
  readonly containerId: string;
}

/**
 * Reserves one address. Refuses an attachment that already has an address in the set, even if it requests another. A lease of an earlier
 * boot is renewed instead.
 * @throws CniError duplicateAllocation, addressUnavailable, noAddressAvailable
 */
export function allocateAddress(book: LeaseBook, demand: Demand): IpConfig {
  const { set, requested } = demand;
  const taken =
    regain(book, demand) ?? (requested === undefined ? takeNext(book, demand) : take(book, demand, requested));
  if (taken === undefined) throw exhausted(book, set, requested);
  const { address, range } = taken;
  const { gateway, subnet } = range;
  return { address: { address, length: subnet.length }, ...(gateway === undefined ? {} : { gateway }) };
}

/**
 * Assigns the requested addresses to sets: each set gets the first one in its ranges, else the first in one of its subnets and in no
 * set's ranges. Returns them by set index.
 * @throws CniError addressUnavailable if one is left over
 */
export function assignRequested(
  sets: readonly RangeSet[],
  requested: readonly Address[],
): readonly (Address | undefined)[] {
  const open = requested.filter((address, index) => requested.findIndex((a) => isSameAddress(a, address)) === index);
  const take = (fits: (address: Address) => boolean) => {
    const index = open.findIndex(fits);
    return index === -1 ? undefined : open.splice(index, 1)[0];
  };
  const isBeside = (address: Address) => sets.every((set) => findRange(set, address) === undefined);
  const inRanges = sets.map((set) => take((address) => findRange(set, address) !== undefined));
  const assigned = sets.map(
    (set, index) => inRanges[index] ?? take((address) => isBeside(address) && findSubnet(set, address) !== undefined),
  );
  if (open.length === 0) return assigned;
  throw new CniError(
    "addressUnavailable",
    `failed to allocate all requested IPs: ${open.map(formatAddress).join(" ")}`,
    { details: "each range set serves one requested address, which must lie in one of its subnets" },
  );
}

/** For each set, the first held address in it. */
export function assignHeld(sets: readonly RangeSet[], held: readonly Address[]): readonly (Address | undefined)[] {
  return sets.map((_set, index) => held.find((address) => findPlace(sets, address) === index));
}

/** The attachment's address from before the boot, unless it requests another or may not have that one any more. */
function regain(book: LeaseBook, { set, setIndex, requested, held, containerId }: Demand): Candidate | undefined {
  if (held === undefined) return undefined;
  const text = formatAddress(held);
  if (!book.isOutlived(held)) {
    throw new CniError(
      "duplicateAllocation",
      `${text} has been allocated to ${containerId}, duplicate allocation is not allowed`,
    );
  }
  const range = findSubnet(set, held);
  const isWanted = requested === undefined || isSameAddress(requested, held);
  if (range === undefined || !isWanted || findObstacle(range, held) !== undefined) {
    book.reclaim(held);
    return undefined;
  }
  book.renew(held, setIndex);
  return { address: held, range };
}

/** The next free address, else one whose lease is reclaimed, else the one that has rested the longest. */
function takeNext(book: LeaseBook, { set, setIndex }: Demand): Candidate | undefined {
  const resting = new Set(book.resting());
  const reserve = ({ address }: Candidate) => book.reserve(address, setIndex);
  const isRested = ({ address }: Candidate) => resting.size === 0 || !resting.has(formatAddress(address));
  const takeFirst = () => findCandidate(set, book.last(setIndex), (each) => isRested(each) && reserve(each));
  return (
    takeFirst() ??
    (book.reclaim(set) ? takeFirst() : undefined) ??
    [...resting].flatMap((text) => candidateOf(set, text)).find(reserve)
  );
}

/** A resting address, if it may be assigned without a request. */
function candidateOf(set: RangeSet, text: string): readonly Candidate[] {
  const address = parseAddress(text);
  if (address === undefined) return [];
  const range = findRange(set, address);
  return range === undefined || findObstacle(range, address) !== undefined ? [] : [{ address, range }];
}

/** Reserves an address. One outside the ranges is not saved as the last: no next address follows it. */
function take(book: LeaseBook, { set, setIndex }: Demand, address: Address): Candidate | undefined {
  const range = findSubnet(set, address);
  const text = formatAddress(address);
  if (range === undefined) throw new CniError("addressUnavailable", `${text} not in range set ${formatRangeSet(set)}`);
  const obstacle = findObstacle(range, address);
  if (obstacle !== undefined) throw new CniError("addressUnavailable", `requested ip ${text} ${obstacle}`);
  const noteAs = rangeContains(range, address) ? setIndex : undefined;
  const isOurs = book.reserve(address, noteAs) || (book.reclaim(address) && book.reserve(address, noteAs));
  return isOurs ? { address, range } : undefined;
}

function exhausted(book: LeaseBook, set: RangeSet, requested: Address | undefined): CniError {
  const ranges = formatRangeSet(set);
  if (requested === undefined) {
    const details = book.describe(set);
    return new CniError("noAddressAvailable", `no IP addresses available in range set: ${ranges}`, { details });
  }
  const text = formatAddress(requested);
  const holder = book.holderOf(requested);
  const details = holder === undefined ? {} : { details: `${text} is leased to ${holder}` };
  return new CniError(
    "addressUnavailable",
    `requested IP address ${text} is not available in range set ${ranges}`,
    details,
  );
}
