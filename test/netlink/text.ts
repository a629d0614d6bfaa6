import { type Address, parseAddress } from "../../src/ip/address.ts";
import { type Prefix, parsePrefix } from "../../src/ip/prefix.ts";

/** An address that is known to be one. */
export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`"${text}" is no address`);
  return parsed;
}

/** A prefix that is known to be one. */
export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(`"${text}" is no prefix`);
  return parsed;
}
