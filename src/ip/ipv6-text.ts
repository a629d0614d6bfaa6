import { collapseIPv6Number, expandIPv6Number } from "ip-num/dist/src/IPv6Utils.js";
import { Validator } from "ip-num/dist/src/Validator.js";

/** The value of an IPv6 address in any valid text form. Undefined for anything else, including an address with a zone. */
export function parseIpv6(text: string): bigint | undefined {
  if (/[^0-9a-fA-F:.]/.test(text) || !Validator.isValidIPv6String(text)[0]) return undefined;
  return BigInt(`0x${expandIPv6Number(text).replaceAll(":", "")}`);
}

/** The text that RFC 5952 recommends: lower case, the first longest run of zero groups collapsed. */
export function formatIpv6(value: bigint): string {
  return collapseIPv6Number(
    value
      .toString(16)
      .padStart(32, "0")
      .replace(/.{4}(?!$)/g, "$&:"),
  );
}
