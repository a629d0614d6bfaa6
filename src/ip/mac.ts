/** A hardware address of 6, 8 or 20 bytes, as lower-case pairs of hexadecimal digits separated by colons. */
export type Mac = string;

const PAIRS = /^[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2})*$/;
const QUADS = /^[0-9a-f]{4}(?:\.[0-9a-f]{4})+$/;
const PLAIN = /^[0-9a-f]+$/;

/** Lengths in bytes: EUI-48, EUI-64, IP over InfiniBand. */
const LENGTHS = [6, 8, 20];

/**
 * Reads a hardware address of 6, 8 or 20 bytes like Go's net.ParseMAC: pairs with colons or dashes, groups of four digits with dots,
 * or bare digits. Undefined for anything else.
 */
export function parseMac(text: string): Mac | undefined {
  const lower = text.toLowerCase();
  if (!PAIRS.test(lower) && !QUADS.test(lower) && !PLAIN.test(lower)) return undefined;
  const digits = lower.replaceAll(/[:.-]/g, "");
  return LENGTHS.includes(digits.length / 2) ? digits.match(/../g)?.join(":") : undefined;
}

/** Whether an Ethernet interface can have the MAC: 6 bytes, not multicast, not zero. IEEE 802-2014, 8.2 */
export function isInterfaceMac(mac: Mac): boolean {
  const [first = 0, ...rest] = encodeMac(mac);
  return rest.length === 5 && first % 2 === 0 && [first, ...rest].some((byte) => byte !== 0);
}

/** The bytes of a hardware address, as the kernel takes them in IFLA_ADDRESS. */
export function encodeMac(mac: Mac): Uint8Array {
  const bytes = new Uint8Array((mac.length + 1) / 3);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(mac.slice(3 * at, 3 * at + 2), 16);
  return bytes;
}

/** The text of a hardware address in bytes. */
export function decodeMac(bytes: Uint8Array): Mac {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
