import { type Address, parseAddress } from "../ip/address.ts";
import { isInterfaceMac, type Mac, parseMac } from "../ip/mac.ts";
import { type Prefix, parsePrefix } from "../ip/prefix.ts";

// Readers of text fields in a configuration. Each returns the value, or null if it refuses the text.

/** An address; "" means unset, as in Go. */
export function readAddress(text: string): Address | undefined | null {
  return text === "" ? undefined : (parseAddress(text) ?? null);
}

/** A prefix. Host bits are kept. */
export function readPrefix(text: string): Prefix | null {
  return parsePrefix(text) ?? null;
}

/** The text of a prefix, unchanged: parsing would hide that it was an IPv4-mapped IPv6 prefix. */
export function readPrefixText(text: string): string | null {
  return parsePrefix(text) === undefined ? null : text;
}

/** A hardware address; "" means unset. */
export function readMac(text: string): Mac | undefined | null {
  return text === "" ? undefined : (parseMac(text) ?? null);
}

/** A hardware address for an Ethernet interface; "" means unset. */
export function readInterfaceMac(text: string): Mac | undefined | null {
  const mac = readMac(text);
  return mac === undefined || mac === null || isInterfaceMac(mac) ? mac : null;
}

/** A path that the kernel accepts. */
export function readPath(text: string): string | null {
  return text.includes("\0") ? null : text;
}

/** An absolute path; "" means unset. */
export function readAbsolutePath(text: string): string | null {
  return text === "" || text.startsWith("/") ? readPath(text) : null;
}
