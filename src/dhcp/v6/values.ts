import { type Address, decodeAddress } from "../../ip/address.ts";
import type { Options } from "../options.ts";
import { readDomains } from "../values.ts";
import { OPTION } from "./options.ts";

// What a server says in options. A value of the wrong size or form counts as missing.

/** The DNS servers of option 23, without "::". */
export function findNameServers(options: Options): readonly Address[] {
  const value = options.get(OPTION.NAME_SERVERS) ?? new Uint8Array();
  if (value.length % 16 !== 0) return [];
  const all = Array.from({ length: value.length / 16 }, (_, index) =>
    decodeAddress(value.subarray(16 * index, 16 * index + 16)),
  );
  return all.filter((address) => address.value !== 0n);
}

/** The first domains of option 24. */
export function findSearchDomains(options: Options): readonly string[] {
  return readDomains(options.get(OPTION.DOMAIN_SEARCH) ?? new Uint8Array());
}
