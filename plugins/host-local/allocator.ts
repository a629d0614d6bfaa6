import { CniError } from "../../src/cni/error.ts";
import type { IpConfig } from "../../src/cni/result.ts";
import { type Address, formatAddress, isSameAddress, parseAddress } from "../../src/ip/address.ts";
import { rangeContains } from "../../src/ip/range.ts";
import { type Candidate, findCandidate } from "./candidate.ts";
import { findObstacle, findPlace, findRange, findSubnet, formatRangeSet, type RangeSet } from "./range-set.ts";

/** What an allocation needs of the leases of a network, on behalf of one attachment. */
export interface LeaseBook {
  /** The address that was last reserved from the range set of that index. */
  readonly last: (setIndex: number) => Address | undefined;
  /** Takes the address for the attachment and notes it as the last of that set; false where somebody has it. */
  readonly reserve: (address: Address, setIndex: number | undefined) => boolean;
  /** Whether a lease that the attachment holds is from an earlier boot. */
  readonly isOutlived: (address: Address) => boolean;
  /** Keeps such a lease, as one of this boot. */
  readonly renew: (address: Address, setIndex: number) => void;
  /** Removes leases of the dead, of the set's ranges or of one address; whether there were any. */
  readonly reclaim: (where: RangeSet | Address) => boolean;
  /** Texts of the addresses that were released lately, the longest resting first. */
  readonly resting: () => readonly string[];
  /** In words, who has the address; undefined where nobody says so. */
  readonly holderOf: (address: Address) => string | undefined;
  /** In words, what became of the set's addresses. */
  readonly describe: (set: RangeSet) => string;
}

/** What to allocate: an address of `set`, the one asked for or the next free one. */
export interface Demand {
  readonly set: RangeSet;
  /** Place of the set in the configuration, from 0. */
  readonly setIndex: number;
  readonly requested: Address | undefined;
  /** The address of the set that the attachment already holds. */
  readonly held: Address | undefined;
  readonly containerId: string;
}

/**
 * Reserves one address. An attachment that already has one in the set is refused, also where it asks for another, unless
 * that is from an earlier boot: then it gets it back.
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
 * Gives each set the first of the requested addresses that lies in its ranges, else in one of its subnets and in no set's
 * ranges, as the places of the result show.
 * @throws CniError addressUnavailable where one is left over
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

/** The address of each set that is among those held. */
export function assignHeld(sets: readonly RangeSet[], held: readonly Address[]): readonly (Address | undefined)[] {
  return sets.map((_set, index) => held.find((address) => findPlace(sets, address) === index));
}

/** The address that the attachment held before the boot, unless it asks for another or may no longer have it. */
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

/** The next free address, else one of a lease that is reclaimed, else the one that has rested the longest. */
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

/** A resting address, where it may be handed out unasked. */
function candidateOf(set: RangeSet, text: string): readonly Candidate[] {
  const address = parseAddress(text);
  if (address === undefined) return [];
  const range = findRange(set, address);
  return range === undefined || findObstacle(range, address) !== undefined ? [] : [{ address, range }];
}

/** One beside the ranges is not noted as the last: the next one would not come after it. */
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
