import { type Address, decodeAddress } from "./address.ts";
import { encodeMac, type Mac } from "./mac.ts";

/** The IPv6 link-local address that an interface with this 6-byte MAC gives itself: fe80::/64 with the modified EUI-64. RFC 4291 */
export function linkLocalAddress(mac: Mac): Address {
  const [first = 0, second = 0, third = 0, ...rest] = encodeMac(mac);
  const UNIVERSAL = 0x02;
  return decodeAddress(
    Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, first ^ UNIVERSAL, second, third, 0xff, 0xfe, ...rest),
  );
}
