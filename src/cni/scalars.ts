import { type Address, parseAddress } from "../ip/address.ts";
import { isInterfaceMac, type Mac, parseMac } from "../ip/mac.ts";
import { type Prefix, parsePrefix } from "../ip/prefix.ts";

// Readers of the texts that a configuration's fields hold: each gives the value, or null where it refuses the text.

/** An address; "" is unset, as in Go. */
export function readAddress(text: string): Address | undefined | null {
  return text === "" ? undefined : (parseAddress(text) ?? null);
}

/** A prefix, host bits kept. */
export function readPrefix(text: string): Prefix | null {
  return parsePrefix(text) ?? null;
}

/** The text of a prefix, as it is: an IPv4-mapped IPv6 prefix no longer shows once it is parsed. */
export function readPrefixText(text: string): string | null {
  return parsePrefix(text) === undefined ? null : text;
}

/** A hardware address; "" is unset. */
export function readMac(text: string): Mac | undefined | null {
  return text === "" ? undefined : (parseMac(text) ?? null);
}

/** The hardware address that an Ethernet interface is to have; "" is unset. */
export function readInterfaceMac(text: string): Mac | undefined | null {
  const mac = readMac(text);
  return mac === undefined || mac === null || isInterfaceMac(mac) ? mac : null;
}

/** A path, which the kernel can be given. */
export function readPath(text: string): string | null {
  return text.includes("\0") ? null : text;
}

/** An absolute path; "" is unset. */
export function readAbsolutePath(text: string): string | null {
  return text === "" || text.startsWith("/") ? readPath(text) : null;
}
