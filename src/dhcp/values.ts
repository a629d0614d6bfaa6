import { type Address, decodeAddress } from "../ip/address.ts";
import { network, type Prefix } from "../ip/prefix.ts";
import { OPTION, type Options } from "./options.ts";

// What a server says in options. A value of the wrong size or form counts as missing: a server's mistake in one option takes no others.

/** A route that a server gives. */
export interface GivenRoute {
  readonly destination: Prefix;
  /** Undefined for a network on the link itself. */
  readonly gateway: Address | undefined;
}

/** The IPv4 address of an option that has one. */
export function findAddress(options: Options, code: number): Address | undefined {
  const value = options.get(code);
  return value?.length === 4 ? decodeAddress(value) : undefined;
}

/** The IPv4 addresses of an option that has a list of them. */
export function findAddresses(options: Options, code: number): readonly Address[] {
  const value = options.get(code) ?? new Uint8Array();
  if (value.length % 4 !== 0) return [];
  return Array.from({ length: value.length / 4 }, (_, index) =>
    decodeAddress(value.subarray(4 * index, 4 * index + 4)),
  );
}

/** The number of seconds in an option such as 51. */
export function findSeconds(options: Options, code: number): number | undefined {
  const value = options.get(code);
  return value?.length === 4 ? viewOf(value).getUint32(0) : undefined;
}

/** The length of the network part by option 1. A mask with holes counts as missing. RFC 2132, 3.3 */
export function findPrefixLength(options: Options): number | undefined {
  const value = options.get(OPTION.SUBNET_MASK);
  if (value?.length !== 4) return undefined;
  const length = Math.clz32(~viewOf(value).getUint32(0));
  const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
  return mask === viewOf(value).getUint32(0) ? length : undefined;
}

/** The smallest MTU that IPv4 works with; smaller ones count as missing. RFC 2132, 5.1 */
const SMALLEST_MTU = 68;

/** The MTU of option 26. */
export function findMtu(options: Options): number | undefined {
  const value = options.get(OPTION.MTU);
  const mtu = value?.length === 2 ? viewOf(value).getUint16(0) : 0;
  return mtu >= SMALLEST_MTU ? mtu : undefined;
}

/** The text of an option such as 15, without NULs at its end; undefined if it is empty. */
export function findText(options: Options, code: number): string | undefined {
  const value = options.get(code);
  const text = value && new TextDecoder().decode(value).replace(/\0+$/, "");
  return text === "" ? undefined : text;
}

/** One name or several, with spaces between them: some servers send a list. */
const DOMAINS = /^[\w-]+(?:[. ][\w-]+)*\.?$/;

/** The domain of option 15. Text that is no name, such as one with a line break, counts as missing: it is for files like resolv.conf. */
export function findDomain(options: Options): string | undefined {
  const text = findText(options, OPTION.DOMAIN);
  return text !== undefined && DOMAINS.test(text) ? text : undefined;
}

/** The routes of option 121; undefined without it. RFC 3442 */
export function findClasslessRoutes(options: Options): readonly GivenRoute[] | undefined {
  const value = options.get(OPTION.CLASSLESS_ROUTES);
  if (value === undefined) return undefined;
  const routes: GivenRoute[] = [];
  for (let at = 0; at < value.length; ) {
    const length = value[at] ?? 0;
    const significant = Math.ceil(length / 8);
    const next = at + 1 + significant + 4;
    if (length > 32 || next > value.length) return undefined;
    const address = new Uint8Array(4);
    address.set(value.subarray(at + 1, at + 1 + significant));
    const gateway = decodeAddress(value.subarray(next - 4, next));
    const destination = network({ address: decodeAddress(address), length });
    routes.push({ destination, gateway: gateway.value === 0n ? undefined : gateway });
    at = next;
  }
  return routes;
}

/** The routes of option 33, each with the mask of its class. Host bits are kept. RFC 2132, 5.8 */
export function findStaticRoutes(options: Options): readonly GivenRoute[] {
  const addresses = findAddresses(options, OPTION.STATIC_ROUTES);
  const routes: GivenRoute[] = [];
  for (let at = 0; at < addresses.length; at += 2) {
    const [address, gateway] = addresses.slice(at, at + 2);
    if (address !== undefined && gateway !== undefined)
      routes.push({ destination: { address, length: classLength(address) }, gateway });
  }
  return routes;
}

/** The length of the network part of a class A, B or C. RFC 791, 3.2 */
function classLength({ value }: Address): number {
  if (value >> 31n === 0n) return 8;
  return value >> 30n === 0b10n ? 16 : 24;
}

/** The most domains that are read: more than any resolver uses. */
const MOST_DOMAINS = 32;

/** The first domains of option 119; [] if they are malformed. RFC 3397 */
export function findSearchDomains(options: Options): readonly string[] {
  return readDomains(options.get(OPTION.DOMAIN_SEARCH) ?? new Uint8Array());
}

/** The first domains of a list of names; [] if they are malformed. RFC 1035, 3.1 */
export function readDomains(bytes: Uint8Array): readonly string[] {
  const domains: string[] = [];
  for (let at = 0; at < bytes.length && domains.length < MOST_DOMAINS; ) {
    const found = readDomain(bytes, at);
    if (found === undefined) return [];
    if (found.name !== "") domains.push(found.name);
    at = found.end;
  }
  return domains;
}

/** The two high bits of a length that is a pointer to an earlier name. RFC 1035, 4.1.4 */
const POINTER = 0xc0;

/** The longest name, in characters. RFC 1035, 2.3.4 */
const LONGEST_NAME = 253;

const LABEL = /^[\w-]+$/;

/** A name and where the next one begins. */
function readDomain(bytes: Uint8Array, start: number): { name: string; end: number } | undefined {
  const labels: string[] = [];
  let end: number | undefined;
  let bound = start;
  for (let at = start; ; ) {
    const piece = readPiece(bytes, at, bound);
    if (piece === undefined || labels.join(".").length > LONGEST_NAME) return undefined;
    if (piece.label === "") return { name: labels.join("."), end: end ?? piece.next };
    if (piece.label === undefined) {
      end ??= at + 2;
      bound = piece.next;
    } else labels.push(piece.label);
    at = piece.next;
  }
}

/**
 * One label and where the next one is, or a pointer to it, which has no label; undefined if it is malformed. A pointer leads to a place
 * before `bound`, so each one comes nearer to the beginning.
 */
function readPiece(bytes: Uint8Array, at: number, bound: number): { label?: string; next: number } | undefined {
  const [length, low = -1] = bytes.subarray(at, at + 2);
  if (length === undefined) return undefined;
  if (length >= POINTER) {
    const next = ((length & ~POINTER) << 8) | low;
    return next >= 0 && next < bound ? { next } : undefined;
  }
  const label = new TextDecoder().decode(bytes.subarray(at + 1, at + 1 + length));
  const isWhole = at + 1 + length <= bytes.length;
  return isWhole && (label === "" || LABEL.test(label)) ? { label, next: at + 1 + length } : undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
