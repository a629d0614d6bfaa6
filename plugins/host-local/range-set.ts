import { CniError } from "../../src/cni/error.ts";
import {
  ADDRESS_BITS,
  type Address,
  compareAddresses,
  formatAddress,
  isSameAddress,
  offsetAddress,
} from "../../src/ip/address.ts";
import {
  broadcastAddress,
  defaultGateway,
  formatPrefix,
  lastAddress,
  networkAddress,
  type Prefix,
  parsePrefix,
  prefixContains,
} from "../../src/ip/prefix.ts";
import { findOverlap, formatRange, type Range, rangeContains, sizeOfRange } from "../../src/ip/range.ts";
import { mergeRanges, overlapOf, parseExclusion } from "./exclusion.ts";

/** Addresses that may be assigned, their subnet, and the excluded part of it. */
export interface AddressRange extends Range {
  readonly subnet: Prefix;
  /** Undefined in a subnet of one address, unless it is configured. */
  readonly gateway: Address | undefined;
  /** Sorted, without overlap. */
  readonly excluded: readonly Range[];
}

/** Ranges of one family. A container gets one address from them. */
export type RangeSet = readonly AddressRange[];

/** A range as configured. `subnet` is the text of a valid prefix; `exclude` holds texts of addresses and prefixes. */
export interface RangeFields {
  readonly subnet?: string | undefined;
  readonly rangeStart?: Address | undefined;
  readonly rangeEnd?: Address | undefined;
  readonly gateway?: Address | undefined;
  readonly exclude?: readonly string[] | undefined;
}

/**
 * Fills in the defaults of a range. It starts at the subnet's second address, which is also the gateway, and ends at the last address;
 * for IPv4 before the broadcast address. A subnet of two addresses or one is used whole (RFC 3021, RFC 6164). The error texts are the
 * reference's.
 * @throws CniError invalidConfig
 */
export function completeRange(fields: RangeFields): AddressRange {
  const subnet = parseSubnet(fields.subnet);
  const first = firstHost(subnet);
  const { rangeStart, rangeEnd, gateway = defaultGateway(subnet) } = fields;
  const start = rangeStart ?? first;
  if (rangeStart !== undefined && !(prefixContains(subnet, start) && !isAfter(start, rangeEnd))) {
    refuse(`RangeStart ${formatAddress(start)} not in network ${formatPrefix(subnet)}`);
  }
  const end = rangeEnd ?? lastHost(subnet);
  if (rangeEnd !== undefined && !(prefixContains(subnet, end) && !isAfter(start, end))) {
    refuse(`RangeEnd ${formatAddress(end)} not in network ${formatPrefix(subnet)}`);
  }
  const excluded = fields.exclude && mergeRanges(fields.exclude.map((text) => exclude(text, subnet)));
  return { subnet, start, end, gateway, excluded: excluded ?? [] };
}

/** A range set of one family whose ranges do not overlap. @throws CniError invalidConfig */
export function completeRangeSet(set: readonly RangeFields[]): RangeSet {
  const ranges = set.map(completeRange);
  const [first] = ranges;
  if (first === undefined) return refuse("empty range set");
  if (ranges.some((range) => range.start.family !== first.start.family)) refuse("mixed address families");
  const [range, other] = findOverlap(ranges)?.toSorted((a, b) => ranges.indexOf(a) - ranges.indexOf(b)) ?? [];
  if (range !== undefined && other !== undefined)
    refuse(`subnets ${formatRange(range)} and ${formatRange(other)} overlap`);
  return ranges;
}

/** Refuses range sets that overlap. @throws CniError invalidConfig */
export function checkDisjoint(sets: readonly RangeSet[]): void {
  const overlap = findOverlap(sets.flatMap((set, index) => set.map(({ start, end }) => ({ start, end, index }))));
  if (overlap === undefined) return;
  const [index, other] = overlap.map((range) => range.index).sort((a, b) => a - b);
  refuse(`range set ${index} overlaps with ${other}`);
}

/** The range that contains the address. */
export function findRange(set: RangeSet, address: Address): AddressRange | undefined {
  return set.find((range) => rangeContains(range, address));
}

/**
 * The index of the address's set: the set with it in a range, else the first with it in a subnet. A requested address may be outside the
 * ranges.
 */
export function findPlace(sets: readonly RangeSet[], address: Address): number | undefined {
  const inRange = sets.findIndex((set) => findRange(set, address) !== undefined);
  if (inRange !== -1) return inRange;
  const inSubnet = sets.findIndex((set) => findSubnet(set, address) !== undefined);
  return inSubnet === -1 ? undefined : inSubnet;
}

/** The range that contains the address, else the first whose subnet does. */
export function findSubnet(set: RangeSet, address: Address): AddressRange | undefined {
  return findRange(set, address) ?? set.find((range) => prefixContains(range.subnet, address));
}

/** Why the address cannot be assigned, as text to follow the address; undefined if it can. */
export function findObstacle(range: AddressRange, address: Address): string | undefined {
  if (range.gateway !== undefined && isSameAddress(address, range.gateway)) return "is subnet's gateway";
  if (findExclusion(range, address) !== undefined) return "is excluded";
  if (rangeContains(range, address) || isWhole(range.subnet)) return undefined;
  if (isSameAddress(address, range.subnet.address)) return "is subnet's own address";
  const broadcast = broadcastAddress(range.subnet);
  return broadcast !== undefined && isSameAddress(address, broadcast) ? "is subnet's broadcast address" : undefined;
}

/** The excluded run that contains the address. */
export function findExclusion(range: AddressRange, address: Address): Range | undefined {
  return range.excluded.find((each) => rangeContains(each, address));
}

/** How many addresses of the set's ranges are excluded. */
export function countExcluded(set: RangeSet): bigint {
  const shared = set.flatMap((range) => range.excluded.map((each) => overlapOf(range, each)));
  return shared.reduce((sum, each) => sum + (each === undefined ? 0n : sizeOfRange(each)), 0n);
}

/** The text "start-end,start-end". */
export function formatRangeSet(set: RangeSet): string {
  return set.map(formatRange).join(",");
}

function parseSubnet(text: string | undefined): Prefix {
  const subnet = text === undefined ? undefined : parsePrefix(text);
  if (text === undefined || subnet === undefined) return refuse("IP <nil> not v4 nor v6");
  const isMapped = subnet.address.family === 4 && text.includes(":");
  if (isMapped) refuse("IPNet IP and Mask version mismatch");
  const base = networkAddress(subnet);
  if (base.value !== subnet.address.value) {
    refuse(
      `Network has host bits set. For a subnet mask of length ${subnet.length} the network address is ${formatAddress(base)}`,
    );
  }
  return subnet;
}

/** Whether a subnet is too small for a network address and a broadcast address. */
function isWhole(subnet: Prefix): boolean {
  return subnet.length >= ADDRESS_BITS[subnet.address.family] - 1;
}

function firstHost(subnet: Prefix): Address {
  return isWhole(subnet) ? subnet.address : offsetAddress(subnet.address, 1n);
}

function lastHost(subnet: Prefix): Address {
  const last = lastAddress(subnet);
  return last.family === 4 && !isWhole(subnet) ? offsetAddress(last, -1n) : last;
}

function exclude(text: string, subnet: Prefix): Range {
  const range = parseExclusion(text, subnet);
  return range ?? refuse(`Cannot use exclude "${text}": must be an address or prefix in ${formatPrefix(subnet)}`);
}

/** Compares addresses of one family. For different families it is false; their own check reports them. */
function isAfter(address: Address, limit: Address | undefined): boolean {
  return limit !== undefined && limit.family === address.family && compareAddresses(address, limit) > 0;
}

function refuse(message: string): never {
  throw new CniError("invalidConfig", message);
}
