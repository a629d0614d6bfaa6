import { CniError } from "../../src/cni/error.ts";
import { ADDRESS_BITS, type Address, compareAddresses, formatAddress, offsetAddress } from "../../src/ip/address.ts";
import {
  formatPrefix,
  lastAddress,
  networkAddress,
  type Prefix,
  parsePrefix,
  prefixContains,
} from "../../src/ip/prefix.ts";
import { formatRange, type Range, rangeContains, rangesOverlap } from "../../src/ip/range.ts";

/** Addresses that may be handed out, the subnet that they are part of, and its gateway, which never is. */
export interface AddressRange extends Range {
  readonly subnet: Prefix;
  readonly gateway: Address;
}

/** Ranges of one family from which a container gets one address. */
export type RangeSet = readonly AddressRange[];

/** A range as it is configured; `subnet` is the text of a valid prefix. */
export interface RangeFields {
  readonly subnet?: string | undefined;
  readonly rangeStart?: Address | undefined;
  readonly rangeEnd?: Address | undefined;
  readonly gateway?: Address | undefined;
}

/**
 * Fills in what a range leaves open: it starts at the subnet's second address, which is also the gateway, and ends at
 * the last one, for IPv4 before the broadcast address. The texts of its errors are the reference's.
 * @throws CniError invalidConfig
 */
export function completeRange(fields: RangeFields): AddressRange {
  const subnet = parseSubnet(fields.subnet);
  const first = offsetAddress(subnet.address, 1n);
  const { rangeStart, rangeEnd, gateway = first } = fields;
  const start = rangeStart ?? first;
  if (rangeStart !== undefined && !(prefixContains(subnet, start) && !isAfter(start, rangeEnd))) {
    refuse(`RangeStart ${formatAddress(start)} not in network ${formatPrefix(subnet)}`);
  }
  const end = rangeEnd ?? lastHost(subnet);
  if (rangeEnd !== undefined && !(prefixContains(subnet, end) && !isAfter(start, end))) {
    refuse(`RangeEnd ${formatAddress(end)} not in network ${formatPrefix(subnet)}`);
  }
  return { subnet, start, end, gateway };
}

/** A range set of one family whose ranges share no address. @throws CniError invalidConfig */
export function completeRangeSet(set: readonly RangeFields[]): RangeSet {
  const ranges = set.map(completeRange);
  const [first] = ranges;
  if (first === undefined) return refuse("empty range set");
  if (ranges.some((range) => range.start.family !== first.start.family)) refuse("mixed address families");
  for (const [index, range] of ranges.entries()) {
    const other = ranges.slice(index + 1).find((later) => rangesOverlap(range, later));
    if (other !== undefined) refuse(`subnets ${formatRange(range)} and ${formatRange(other)} overlap`);
  }
  return ranges;
}

/** Refuses range sets that share an address. @throws CniError invalidConfig */
export function checkDisjoint(sets: readonly RangeSet[]): void {
  for (const [index, set] of sets.entries()) {
    const other = sets.findIndex((later, at) => at > index && setsOverlap(set, later));
    if (other !== -1) refuse(`range set ${index} overlaps with ${other}`);
  }
}

/** Whether any address is in both sets. */
export function setsOverlap(a: RangeSet, b: RangeSet): boolean {
  return a.some((range) => b.some((other) => rangesOverlap(range, other)));
}

/** The range that the address is in. */
export function findRange(set: RangeSet, address: Address): AddressRange | undefined {
  return set.find((range) => rangeContains(range, address));
}

/** The text "start-end,start-end". */
export function formatRangeSet(set: RangeSet): string {
  return set.map(formatRange).join(",");
}

function parseSubnet(text: string | undefined): Prefix {
  const subnet = text === undefined ? undefined : parsePrefix(text);
  if (text === undefined || subnet === undefined) return refuse("IP <nil> not v4 nor v6");
  if (subnet.length > ADDRESS_BITS[subnet.address.family] - 2) {
    refuse(`Network ${formatPrefix(subnet)} too small to allocate from`);
  }
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

function lastHost(subnet: Prefix): Address {
  const last = lastAddress(subnet);
  return last.family === 4 ? offsetAddress(last, -1n) : last;
}

/** Addresses of different families have no order here: which of them is wrong, their own check tells. */
function isAfter(address: Address, limit: Address | undefined): boolean {
  return limit !== undefined && limit.family === address.family && compareAddresses(address, limit) > 0;
}

function refuse(message: string): never {
  throw new CniError("invalidConfig", message);
}
