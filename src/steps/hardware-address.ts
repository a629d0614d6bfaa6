import { decodeMac, type Mac } from "../ip/mac.ts";
import { randomBytes } from "../linux/random.ts";

/** Bits of a MAC's first byte: multicast, and locally administered. IEEE 802-2014, 8.2 */
const GROUP = 0x01;
const LOCAL = 0x02;

/** A random unicast, locally administered MAC. A link that is created with a MAC keeps it: udev or a bridge does not replace it. */
export function randomMac(): Mac {
  const bytes = randomBytes(6);
  bytes[0] = ((bytes[0] ?? 0) & ~GROUP) | LOCAL;
  return decodeMac(bytes);
}
